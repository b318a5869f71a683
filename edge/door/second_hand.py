"""A second hand on the pin: a process that locks, at once, when the strike's own process dies or hangs in a pulse.

The strike forks it before it claims anything, and tells it over a socket pair, one packet a message:

    UNTIL <ns>   before the line is unlocked: the moment by which it has to be locked again, CLOCK_MONOTONIC, however
                 often the pulse is renewed; so a crowd of grants tells it no more than one
    LOCKED       the line is locked again

When the socket closes the strike is dead: the second hand claims the pin, which locks it, and ends. When a moment has
passed without LOCKED the strike hangs: it is killed first. Importing the pin's library and opening its chip are done
long before, so that what takes time when it matters is one claim. When the second hand is what dies, the strike locks
and ends too, and main starts both anew. A strike that has locked and ends in order kills it: nothing is left to do.
"""

from __future__ import annotations

import os
import select
import signal
import socket
from collections.abc import Callable
from typing import Final, NoReturn

from edge.clock import Clock
from edge.errors import StrikeBusyError, StrikeError

# How late the strike may be before it counts as hung; with the claim it has to fit into the promise of 250 ms.
LATE_SECONDS: Final = 0.15
_MAX_MESSAGE: Final = 32

Lock = Callable[[], object]


class SecondHand:
    """The strike's end. `until` and `locked` raise StrikeError when the second hand is gone, or does not listen."""

    def __init__(self, link: socket.socket, pid: int) -> None:
        self._link = link
        self._pid = pid

    def fileno(self) -> int:
        """Readable when the second hand is gone."""
        return self._link.fileno()

    def until(self, moment: float) -> None:
        """Before unlocking: lock at `moment`, monotonic seconds, if I do not."""
        self._tell(b"UNTIL %d" % round(moment * 1e9))

    def locked(self) -> None:
        self._tell(b"LOCKED")

    def dismiss(self) -> None:
        """The line is locked. Also where it hangs: then nobody else would ever end it."""
        os.kill(self._pid, signal.SIGKILL)  # a child nobody waited for: the number is still its own
        os.waitpid(self._pid, 0)
        self._link.close()

    def _tell(self, message: bytes) -> None:
        try:
            self._link.send(message)
        except OSError as error:
            raise StrikeError(f"its second hand does not listen: {error}") from error


def start_second_hand(prepare: Callable[[], Lock], control: socket.socket, clock: Clock) -> SecondHand:
    """Fork it. `prepare` is called in it, and gives what claims the pin and locks; `control` is not for it.

    Raises StrikeError where there is no room for one more process. What was left open is locked all the same.
    """
    strikes, hands = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        pid = os.fork()
    except OSError as error:
        prepare()()
        raise StrikeError(f"it can have no second hand: {error}") from error
    if not pid:
        strikes.close()
        control.close()  # or nobody would hear that the strike died
        _stand_by(prepare, hands, clock)
    hands.close()
    strikes.setblocking(False)
    return SecondHand(strikes, pid)


def _stand_by(prepare: Callable[[], Lock], link: socket.socket, clock: Clock) -> NoReturn:
    """Never returns into the strike's code, whatever happens."""
    code = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # the strike obeys them, and ends this process
        lock = prepare()
        try:
            _watch(link, clock)
        finally:
            lock()
        code = 0
    except StrikeBusyError:
        code = 0  # the next strike was quicker, and has locked
    except StrikeError:
        pass  # the strike hears it, and says why for itself
    finally:
        os._exit(code)


def _watch(link: socket.socket, clock: Clock) -> None:
    """Until the strike is dead, or hangs and has been killed."""
    until: float | None = None
    strike = os.getppid()
    while True:
        wait = None if until is None else max(0.0, until + LATE_SECONDS - clock.now())
        if select.select([link], [], [], wait)[0]:
            message = link.recv(_MAX_MESSAGE)
            if not message:
                return
            until = int(message[6:]) / 1e9 if message.startswith(b"UNTIL ") else None
        elif until is not None and clock.now() >= until + LATE_SECONDS:
            if os.getppid() == strike:  # else it is dead, and the number may be somebody else's
                os.kill(strike, signal.SIGKILL)
            return
