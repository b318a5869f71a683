"""The thread that lives with one source: opens it, reads it, closes it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from edge.camera.source import Source
from edge.errors import CameraError


class Reader(threading.Thread):
    """`on_picture` gets each picture, `on_end` at last the reason (None: a recording's end), when all is closed.

    A daemon: a read that hangs inside a library must not keep the program from ending.
    """

    def __init__(
        self,
        source: Source,
        on_picture: Callable[[Reader, NDArray[Any]], None],
        on_end: Callable[[Reader, str | None], None],
    ) -> None:
        super().__init__(name="camera", daemon=True)
        self._source = source
        self._on_picture = on_picture
        self._on_end = on_end
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Ask it to close its source after the present picture."""
        self._stopped.set()

    def run(self) -> None:
        why: str | None = "the reader stopped by a fault of its own"
        try:
            why = self._live()
        except CameraError as error:
            why = str(error)
        finally:
            self._source.close()
            self._on_end(self, why)

    def _live(self) -> str | None:
        self._source.open()
        while not self._stopped.is_set():
            picture = self._source.read()
            if picture is None:
                return None
            self._on_picture(self, picture)
        return "told to stop"
