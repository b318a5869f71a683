"""Is the camera alive? A state machine that is told what happened and when; it knows no threads and no clock.

    starting ──▶ live ◀──▶ lost       the source failed
                  ▲ ▲ ╰───▶ stalled   no usable picture for a while
                  │ ╰─────▶ frozen    the same picture for a while
                  ╰───────▶ ended     a recording is over, for good

Out of lost, stalled and frozen it asks for the source to be opened again (`open_at`), each time after a longer pause,
and back to `live` it goes with the first good picture, which is one that differs from the last.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, Literal

from edge.settings import CameraSettings

CameraState = Literal["starting", "live", "lost", "stalled", "frozen", "ended"]

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 5.0
_NOTICES: Final = 100


@dataclass(frozen=True, slots=True)
class CameraNotice:
    """The camera's state changed. `detail` is for people; `at` monotonic seconds."""

    state: CameraState
    detail: str
    at: float


class Watch:
    """All times are monotonic seconds.

    `open_at`: when a source is to be opened, None while one is open. `recording`: it may show one picture for long,
    and opening it again would start it again, so a frozen one is left alone.
    """

    def __init__(self, settings: CameraSettings, now: float, *, recording: bool) -> None:
        self.state: CameraState = "starting"
        self.open_at: float | None = now
        self._open_within = settings.open_timeout_seconds
        self._stall_after = max(settings.stall_seconds, 2 / settings.fps)
        self._freeze_after = settings.frozen_seconds
        self._recording = recording
        self._pause = FIRST_PAUSE
        self._deadline = now
        self._fingerprint: int | None = None
        self._same_since = now
        self._flaw = ""
        self._notices: deque[CameraNotice] = deque(maxlen=_NOTICES)

    def due(self) -> float | None:
        """When `check` or an opening is due next; None when never."""
        if self.state == "ended":
            return None
        return self._deadline if self.open_at is None else self.open_at

    def opening(self, now: float) -> None:
        """A source is being opened."""
        self.open_at = None
        self._deadline = now + self._open_within + self._stall_after
        self._same_since = now

    def picture(self, fingerprint: int, now: float) -> bool:
        """A sound picture arrived; whether it may be handed out. One that repeats the last is no new evidence."""
        self._deadline = now + self._stall_after
        self._flaw = ""
        if fingerprint != self._fingerprint:
            self._fingerprint = fingerprint
            self._same_since = now
            self._pause = FIRST_PAUSE
            self.open_at = None
            self._enter("live", "pictures arrive", now)
            return True
        frozen_for = now - self._same_since
        if self.state == "live" and frozen_for < self._freeze_after:
            return False
        since = f"for {self._freeze_after:g} s" if self.state == "live" else "as before"
        self._enter("frozen", f"the same picture {since}", now)
        if frozen_for >= self._freeze_after and self.open_at is None and not self._recording:
            self._open_later(now)
        return False

    def flaw(self, what: str) -> None:
        """A picture arrived that is none; counts as no picture."""
        self._flaw = what

    def lost(self, why: str, now: float) -> None:
        self._enter("lost", why, now)
        self._open_later(now)

    def ended(self, why: str, now: float) -> None:
        self._enter("ended", why, now)
        self.open_at = None

    def check(self, now: float) -> None:
        """Time has passed."""
        if self.open_at is None and self.state != "ended" and now >= self._deadline:
            what = f"; the last was {self._flaw}" if self._flaw else ""
            self._enter("stalled", f"no usable picture for {self._stall_after:g} s{what}", now)
            self._open_later(now)

    def notices(self) -> tuple[CameraNotice, ...]:
        """The state changes since the last call; of very many only the newest."""
        taken = tuple(self._notices)
        self._notices.clear()
        return taken

    def _open_later(self, now: float) -> None:
        self.open_at = now + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def _enter(self, state: CameraState, detail: str, now: float) -> None:
        if state != self.state:
            self.state = state
            self._notices.append(CameraNotice(state, detail, now))
