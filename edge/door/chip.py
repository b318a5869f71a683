"""Where pins come from: the Raspberry Pi's chip or the mock, as `door.driver` says and never one for the other."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from gpiozero import GPIOZeroError
from gpiozero.pins import Factory

from edge.errors import StrikeError

Driver = Literal["gpio", "mock"]

_CURE: Final = (
    "On a Raspberry Pi: pip install 'limen[pi]' or apt install python3-lgpio, and be in the group gpio."
    " To try Limen without a lock: door.driver: mock"
)


@dataclass(frozen=True, slots=True, eq=False)
class Chip:
    """Makes pins; `errors` is all that they raise, and `is_taken` tells which of it means another process's pin."""

    factory: Factory
    errors: tuple[type[Exception], ...]
    is_taken: Callable[[Exception], bool]


def strike_chip(driver: Driver, state_dir: Path) -> Chip:
    """For the pin that keeps its level whatever happens. Raises StrikeError with the cure."""
    return _mock_chip(state_dir, driven=False) if driver == "mock" else _gpio_chip(held=True)


def input_chip(driver: Driver, state_dir: Path) -> Chip:
    """For pins that are read. Raises StrikeError with the cure."""
    return _mock_chip(state_dir, driven=True) if driver == "mock" else _gpio_chip(held=False)


def lamp_chip(driver: Driver, state_dir: Path) -> Chip:
    """For pins that are driven and let go at the end. Raises StrikeError with the cure."""
    return _mock_chip(state_dir, driven=False) if driver == "mock" else _gpio_chip(held=False)


def _mock_chip(state_dir: Path, *, driven: bool) -> Chip:
    from edge.door.mock_pin import DrivenPin, FilePinFactory, KeptPin, is_taken

    return Chip(FilePinFactory(state_dir, DrivenPin if driven else KeptPin), (GPIOZeroError, OSError), is_taken)


def _gpio_chip(*, held: bool) -> Chip:
    try:
        with _folder_for_lgpio():
            from edge.door.gpio_pin import HeldPinFactory, InputFactory, PinError, is_taken
    except (ImportError, OSError) as error:
        raise StrikeError(f"door.driver: gpio needs lgpio ({error}). {_CURE}") from error
    errors = (GPIOZeroError, OSError, PinError)
    try:
        return Chip(HeldPinFactory() if held else InputFactory(), errors, is_taken)
    except errors as error:
        raise StrikeError(f"door.driver: no GPIO chip can be opened ({error}). {_CURE}") from error


@contextlib.contextmanager
def _folder_for_lgpio() -> Iterator[None]:
    """Somewhere to import lgpio: it makes a pipe in $LG_WD, or in the working directory, and stays there for good.

    Two processes in one folder take each other's pipe away, so each gets its own, which goes once the pipe is open. It
    lies in memory: a full disk must not keep a door from being locked.
    """
    parent = os.environ.get("RUNTIME_DIRECTORY", "/dev/shm")  # noqa: S108 - a folder of its own is made in it
    with tempfile.TemporaryDirectory(prefix="lgpio-", dir=parent) as folder, contextlib.chdir(folder):
        os.environ["LG_WD"] = folder
        yield
