"""The live picture in a browser, on this machine only: people want to see themselves.

An MJPEG stream over HTTP on the loopback address. Requests that name another host are refused, so that a web page
elsewhere cannot read the picture through a name it points at 127.0.0.1. Nothing is drawn or encoded while nobody looks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.errors import ConfigError

_MOST_VIEWERS: Final = 4
_BOUNDARY: Final = "frame"
_PAGE: Final = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Limen</title>
<meta name="viewport" content="width=device-width">
<body style="margin:0;background:#1e2226;display:grid;place-items:center;min-height:100vh">
<img src="/stream" alt="live picture of the door camera" style="max-width:100vw;max-height:100vh"></body></html>"""


class Preview:
    """Serves the newest picture. `show` costs nothing while nobody is watching."""

    def __init__(self, port: int) -> None:
        """Bind 127.0.0.1:`port` (0: any free port). Raises ConfigError when the port is taken."""
        self._fresh = threading.Condition()
        self._jpeg: bytes = b""
        self._count = 0
        self._viewers = 0
        self._closed = False
        try:
            self._server = _Server(("127.0.0.1", port), _Viewer)
        except OSError as error:
            raise ConfigError(f"preview.port: cannot listen on {port}: {error.strerror}") from error
        self._server.preview = self
        self._thread = threading.Thread(target=self._server.serve_forever, name="preview", daemon=True)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/"

    @property
    def watched(self) -> bool:
        return self._viewers > 0

    def show(self, picture: Callable[[], NDArray[np.uint8]]) -> None:
        """Draw and send `picture()` (BGR) if somebody is watching."""
        if not self.watched:
            return
        encoded, jpeg = cv2.imencode(".jpg", picture(), [cv2.IMWRITE_JPEG_QUALITY, 80])
        if encoded:
            with self._fresh:
                self._jpeg, self._count = jpeg.tobytes(), self._count + 1
                self._fresh.notify_all()

    def next(self, after: int) -> tuple[int, bytes] | None:
        """The first picture newer than number `after`, None once closed; waits for it."""
        with self._fresh:
            self._fresh.wait_for(lambda: self._closed or self._count > after)
            return None if self._closed else (self._count, self._jpeg)

    def join(self) -> bool:
        """Count a viewer in; False when there are enough."""
        with self._fresh:
            if self._viewers >= _MOST_VIEWERS:
                return False
            self._viewers += 1
            return True

    def leave(self) -> None:
        with self._fresh:
            self._viewers -= 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._fresh:
            self._closed = True
            self._fresh.notify_all()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    preview: Preview

    def handle_error(self, request: object, client_address: object) -> None:
        """A viewer that went away is not worth a stack trace."""


class _Viewer(BaseHTTPRequestHandler):
    server: _Server
    timeout = 10
    server_version = "limen"
    sys_version = ""

    def do_GET(self) -> None:
        host = self.headers.get("Host", "").rpartition(":")[0]
        if host not in {"127.0.0.1", "localhost"}:
            self.send_error(HTTPStatus.FORBIDDEN)
        elif self.path == "/":
            self._page()
        elif self.path == "/stream":
            self._stream()
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Watching the preview is not logged."""

    def _page(self) -> None:
        self._head("text/html; charset=utf-8")
        self.wfile.write(_PAGE)

    def _stream(self) -> None:
        preview = self.server.preview
        if not preview.join():
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, "enough viewers")
            return
        try:
            self._head(f"multipart/x-mixed-replace; boundary={_BOUNDARY}")
            number = 0
            while (newer := preview.next(number)) is not None:
                number, jpeg = newer
                head = f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")
        finally:
            preview.leave()

    def _head(self, content_type: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", content_type)
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Security-Policy", "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.end_headers()
