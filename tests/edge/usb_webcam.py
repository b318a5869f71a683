"""A USB webcam that is a program, plugged into this computer's kernel through USB/IP's virtual host controller.

To the kernel it is a camera like any other: its own driver, `uvcvideo`, reads its descriptors, names it in
/dev/v4l/by-id, and makes a second node that is no camera. It sends MJPG and, in one size, YUYV over a bulk endpoint.
Needs root and the modules vhci_hcd and uvcvideo:

    python -m tests.edge.usb_webcam SERIAL SCENE [yuyv]

takes one word a line: plug, unplug, hang (it stays plugged in and sends nothing any more), go. SCENE is `bars` or
`door:FOLDER`, which is what `camera.source: demo:FOLDER` shows; with `yuyv` it knows no MJPG, as the cheapest do not.
"""

from __future__ import annotations

import itertools
import os
import selectors
import socket
import struct
import sys
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.demo import DemoSource
from edge.clock import SystemClock
from edge.settings import CameraSettings
from tests.edge.usb_descriptors import MJPG, PAYLOAD, SIZES, YUYV, block, configuration

CONTROLLER: Final = Path("/sys/devices/platform/vhci_hcd.0")
# White, yellow, cyan, green, magenta, red, blue, black, as BGR.
BARS: Final = tuple((b, g, r) for g in (255, 0) for r in (255, 0) for b in (255, 0))
_STALL: Final = -32  # EPIPE: how a device says that it does not know what is asked
_ASK: Final = struct.Struct("<HBBIHHHHHII")  # video probe and commit controls of UVC 1.0
Picture = NDArray[np.uint8]
Scene = Callable[[int, int, int], Picture]  # from its number, its width, its height


class Unplugged(Exception):  # noqa: N818 - not an error
    pass


class Webcam:
    """One plugged-in life of the camera."""

    def __init__(self, serial: str, scene: Scene, forms: tuple[int, ...]) -> None:
        self._scene = scene
        self._exposure = 0.0 if scene is bars else 0.25  # as in the dark, whatever rate was agreed
        self._forms = forms
        self._clock = SystemClock()
        self._strings = ("", "Limen", "Test Webcam", serial)
        self._asked = _ASK.pack(0, forms[-1], 1, 333_333, 0, 0, 0, 0, 0, 0, PAYLOAD)
        self._waiting: deque[int] = deque()  # the driver's requests for pictures
        self._payloads: Iterator[tuple[float, bytes]] = iter(())
        self._next: tuple[float, bytes] | None = None
        self.hangs = False
        self.wire, kernels = socket.socketpair()
        with kernels:
            number, speed = self._free_port(), 3
            (CONTROLLER / "attach").write_text(f"{number} {kernels.fileno()} {1 << 16 | number} {speed}")

    @staticmethod
    def _free_port() -> int:
        for line in (CONTROLLER / "status").read_text().splitlines()[1:]:
            hub, port, status, *_ = line.split()
            if hub == "hs" and int(status) == 4:
                return int(port)
        raise RuntimeError("every port is taken")

    # -- what the kernel asks --------------------------------------------------------------------------------------

    def hear(self) -> None:
        """One message of the kernel. Raises Unplugged when it has let go."""
        head = self._exactly(48)
        command, number, _, inwards, endpoint = struct.unpack(">5I", head[:20])
        if command == 2:
            self._unlink(number, struct.unpack(">I", head[20:24])[0])
            return
        length = struct.unpack(">i", head[24:28])[0]
        if endpoint:
            self._waiting.append(number)
            return
        answer = self._control(head[40:48], b"" if inwards else self._exactly(length))
        if answer is None:
            self._reply(number, _STALL, b"")
        else:
            self._reply(number, 0, answer[:length] if inwards else b"", length)

    def _unlink(self, number: int, target: int) -> None:
        known = target in self._waiting
        if known:
            self._waiting.remove(target)
        self._send(struct.pack(">5Ii24x", 4, number, 0, 0, 0, -104 if known else 0))

    def _control(self, setup: bytes, data: bytes) -> bytes | None:
        kind, request, value, index, _ = struct.unpack("<BBHHH", setup)
        answer: bytes | None = None
        match kind, request:
            case 0x80, 6:
                answer = self._descriptor(value >> 8, value & 0xFF)
            case 0x80, 0:  # asked when it has slept: the kernel lets a camera that nobody looks through sleep
                answer = b"\0\0"
            case (0x00, 1 | 3 | 9) | (0x01, 11):
                answer = b""
            case 0x02, 1:  # how the driver says that it wants no more pictures
                self._next = None
                answer = b""
            case 0x21, 1 if index == 1:
                self._agree(data)
                if value >> 8 == 2:
                    self._begin()
                answer = b""
            case 0xA1, 0x86:
                answer = b"\x03"
            case 0xA1, 0x85:
                answer = struct.pack("<H", _ASK.size)
            case 0xA1, _ if index == 1:
                answer = self._asked
        return answer

    def _descriptor(self, kind: int, number: int) -> bytes | None:
        match kind:
            case 1:
                fields = struct.pack("<HBBBBHHHBBBB", 0x0200, 0xEF, 2, 1, 64, 0x1209, 0x0001, 0x0100, 1, 2, 3, 1)
                return block(1, fields)
            case 2:
                return configuration(self._forms)
            case 3 if number == 0:
                return block(3, struct.pack("<H", 0x0409))
            case 3 if number < len(self._strings):
                return block(3, self._strings[number].encode("utf-16-le"))
        return None

    def _agree(self, data: bytes) -> None:
        hint, form, frame, ticks, *_ = _ASK.unpack(data[: _ASK.size])
        form = form if form in self._forms else self._forms[-1]
        frame = min(max(frame, 1), len(SIZES[form]))
        width, height = SIZES[form][frame - 1]
        self._asked = _ASK.pack(hint, form, frame, ticks, 0, 0, 0, 0, 0, 2 * width * height, PAYLOAD)

    # -- what it shows ---------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        _, form, frame, ticks, *_ = _ASK.unpack(self._asked)
        self._payloads = self._film(form, *SIZES[form][frame - 1], max(ticks / 10_000_000, self._exposure))
        self._next = next(self._payloads)

    def _film(self, form: int, width: int, height: int, period: float) -> Iterator[tuple[float, bytes]]:
        """Payloads, and when they are due: as with a real one a picture needs most of its time to be sent."""
        begin = self._clock.now()
        number = 0
        while True:
            content = self._content(number, form, width, height)
            size = min(PAYLOAD - 2, len(content) // 8 + 1)
            last = (len(content) - 1) // size
            due = begin + number * period
            for part in range(last + 1):
                flags = 0x80 | number & 1 | (2 if part == last else 0)
                at = due + 0.8 * period * (part + 1) / (last + 1)
                yield at, bytes((2, flags)) + content[part * size : (part + 1) * size]
            number = max(number + 1, int((self._clock.now() - begin) / period))

    def _content(self, number: int, form: int, width: int, height: int) -> bytes:
        picture = self._scene(number, width, height)
        if form == MJPG:
            return cv2.imencode(".jpg", picture)[1].tobytes()
        return cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_YUY2).tobytes()

    def due(self) -> float | None:
        """Seconds until there is something to send."""
        if self._next is None or self.hangs or not self._waiting:
            return None
        return max(0.0, self._next[0] - self._clock.now())

    def show(self) -> None:
        while self.due() == 0.0 and self._next is not None:
            self._reply(self._waiting.popleft(), 0, self._next[1])
            self._next = next(self._payloads)

    def _reply(self, number: int, status: int, content: bytes, length: int = 0) -> None:
        actual = len(content) or length
        self._send(
            struct.pack(">5Iiiiii8x", 3, number, 0, 0, 0, status, actual if status == 0 else 0, 0, 0, 0) + content
        )

    def _send(self, message: bytes) -> None:
        try:
            self.wire.sendall(message)
        except OSError as error:
            raise Unplugged from error

    def _exactly(self, length: int) -> bytes:
        message = b""
        while len(message) < length:
            chunk = self.wire.recv(length - len(message))
            if not chunk:
                raise Unplugged
            message += chunk
        return message


def bars(number: int, width: int, height: int) -> Picture:
    """Eight upright bars, and below them a square that wanders: no two pictures are the same."""
    picture = np.empty((height, width, 3), np.uint8)
    for column, colour in enumerate(BARS):
        picture[:, column * width // 8 : (column + 1) * width // 8] = colour
    x = number * 16 % (width - 32)
    picture[-32:] = 128
    picture[-32:, x : x + 32] = 255
    return picture


def door(folder: str) -> Scene:
    source = DemoSource(folder, Path(), SystemClock(), CameraSettings())
    source.open()

    def scene(_number: int, width: int, height: int) -> Picture:
        return np.asarray(cv2.resize(source.read(), (width, height)), np.uint8)

    return scene


class Plug:
    """The camera, plugged in or not, as it is told."""

    def __init__(self, serial: str, scene: Scene, forms: tuple[int, ...]) -> None:
        self._connect = lambda: Webcam(serial, scene, forms)
        self._webcam: Webcam | None = None
        self._ears = selectors.DefaultSelector()
        self._ears.register(0, selectors.EVENT_READ)

    def live(self) -> None:
        """Until nobody tells it anything any more."""
        while True:
            ready = self._ears.select(None if self._webcam is None else self._webcam.due())
            words = [os.read(0, 64).decode().split() for key, _ in ready if key.fd == 0]
            if [] in words:
                return
            for word in itertools.chain(*words):
                self._obey(word)
            try:
                if self._webcam is not None:
                    if any(key.fd == self._webcam.wire.fileno() for key, _ in ready):
                        self._webcam.hear()
                    self._webcam.show()
            except Unplugged:
                self._pull()

    def _obey(self, word: str) -> None:
        if word == "plug":
            self._webcam = self._connect()
            self._ears.register(self._webcam.wire, selectors.EVENT_READ)
        elif word == "unplug":
            self._pull()
        elif self._webcam is not None:
            self._webcam.hangs = word == "hang"

    def _pull(self) -> None:
        if self._webcam is not None:
            self._ears.unregister(self._webcam.wire)
            self._webcam.wire.close()
            self._webcam = None


if __name__ == "__main__":
    _serial, _shown, *_form = sys.argv[1:]
    _scene = bars if _shown == "bars" else door(_shown.partition(":")[2])
    Plug(_serial, _scene, (YUYV,) if _form else (YUYV, MJPG)).live()
