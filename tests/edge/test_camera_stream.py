"""Network cameras against a real MJPEG server on loopback that can stall, vanish and come back."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import pytest

from edge.camera import Camera, open_camera
from edge.clock import SystemClock
from edge.settings import CameraSettings
from tests.edge.cameras import PATIENCE, eventually, picture


class Webcam:
    """An MJPEG camera: a new picture every 20 ms to everybody who asks."""

    def __init__(self, port: int = 0) -> None:
        self.sending = threading.Event()
        self.sending.set()
        self.gone = threading.Event()
        webcam = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
                self.end_headers()
                with suppress(OSError):
                    webcam.send_pictures(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def send_pictures(self, handler: BaseHTTPRequestHandler) -> None:
        number = 0
        while not self.gone.wait(0.02):
            if self.sending.is_set():
                number += 1
                jpeg = cv2.imencode(".jpg", picture(number))[1].tobytes()
                head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                handler.wfile.write(head.encode() + jpeg + b"\r\n")

    def vanish(self) -> None:
        self.gone.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def webcam() -> Iterator[Webcam]:
    webcam = Webcam()
    yield webcam
    webcam.vanish()


def watching(port: int, stall_seconds: float = 10, **changes: float) -> Camera:
    source = f"http://admin:hunter2@127.0.0.1:{port}/live.mjpg?pwd=hunter2"
    settings = CameraSettings(source=source, stall_seconds=stall_seconds, **changes)  # type: ignore[arg-type]
    return open_camera(settings, SystemClock(), Path())


def until(camera: Camera, state: str) -> None:
    eventually(lambda: camera.state == state)


def test_a_network_camera_gives_its_pictures(webcam: Webcam) -> None:
    with watching(webcam.port) as camera:
        first, second = camera.take(PATIENCE), camera.take(PATIENCE)
        assert first is not None
        assert second is not None
        assert first.image.shape == (48, 64, 3)
        assert second.at > first.at
        assert camera.state == "live"


def test_a_network_camera_that_falls_silent_is_stalled_and_then_found_again(webcam: Webcam) -> None:
    with watching(webcam.port, stall_seconds=0.5, open_timeout_seconds=2) as camera:
        until(camera, "live")
        webcam.sending.clear()
        until(camera, "stalled")
        assert camera.take(0) is None
        webcam.sending.set()
        until(camera, "live")


def test_a_network_camera_that_vanishes_is_lost_and_opened_again_when_it_is_back(
    capfd: pytest.CaptureFixture[str],
) -> None:
    webcam = Webcam()
    with watching(webcam.port) as camera:
        until(camera, "live")
        webcam.vanish()
        until(camera, "lost")
        again = Webcam(webcam.port)
        until(camera, "live")
        told = [(notice.state, notice.detail) for notice in camera.notices()]
        again.vanish()
    assert [state for state, _ in told] == ["live", "lost", "live"]
    assert told[1][1] == f"http://127.0.0.1:{webcam.port}: the camera ended the stream"
    assert "hunter2" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_a_dead_port_is_lost_and_no_password_is_printed(scheme: str, capfd: pytest.CaptureFixture[str]) -> None:
    with closing(socket.socket()) as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        source = f"{scheme}://admin:hunter2@127.0.0.1:{port}/live"
        with open_camera(CameraSettings(source=source), SystemClock(), Path()) as camera:
            until(camera, "lost")
            (notice,) = camera.notices()
    assert f"{scheme}://127.0.0.1:{port}: no pictures" in notice.detail
    assert "hunter2" not in notice.detail + "".join(capfd.readouterr())


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_a_server_that_accepts_and_says_nothing_is_given_up(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        settings = CameraSettings(source=f"{scheme}://127.0.0.1:{port}/live", open_timeout_seconds=0.5)
        with open_camera(settings, SystemClock(), Path()) as camera:
            until(camera, "lost")
