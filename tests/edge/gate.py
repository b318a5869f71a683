"""Ways to a broker: one that can be shut, whose connections go dead without anybody being told; one that is old."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

from paho.mqtt.enums import MQTTProtocolVersion

from tests.edge.brokers import HOST, LONG


class Gate:
    """In front of a broker's port. Shut at first: whoever comes is turned away."""

    def __init__(self, behind: int) -> None:
        self._behind = behind
        self._server = socket.create_server((HOST, 0))
        self.port: int = self._server.getsockname()[1]
        self.is_open = False
        self.admitted = 0
        self._dead: set[socket.socket] = set()
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]

    def deaden(self) -> None:
        """Every connection of now stays, and nothing comes through it any more: half-open, as after a lost route."""
        self._dead |= set(self._sockets)

    def cut(self) -> None:
        """End every connection of now."""
        for each in list(self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._threads[0].join(LONG)
        self.cut()
        for thread in self._threads:
            thread.join(LONG)
        for each in self._sockets:
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            try:
                said = self._let_in(client)
                broker = socket.create_connection((HOST, self._behind))
                broker.sendall(said)
            except OSError:
                client.close()
                continue
            self.admitted += 1
            self._sockets += [client, broker]
            for ends in ((client, broker), (broker, client)):
                pump = threading.Thread(target=self._pump, args=ends)
                self._threads.append(pump)
                pump.start()

    def _let_in(self, _client: socket.socket) -> bytes:
        """What it has said already. Raises OSError for one who is turned away."""
        if not self.is_open:
            raise ConnectionRefusedError
        return b""

    def _pump(self, origin: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := origin.recv(4096):
                if origin not in self._dead:
                    target.sendall(data)
        if origin not in self._dead:
            with contextlib.suppress(OSError):
                target.shutdown(socket.SHUT_RDWR)


class OldBroker(Gate):
    """Answers as a broker that knows only MQTT 3.1.1. `polite`: says why it hangs up."""

    def __init__(self, behind: int, *, polite: bool) -> None:
        super().__init__(behind)
        self._polite = polite

    def _let_in(self, client: socket.socket) -> bytes:
        said = client.recv(4096)
        # Fixed header of two bytes, then "MQTT" with its length, then the protocol level.
        if len(said) < 9 or said[8] == MQTTProtocolVersion.MQTTv5:
            if self._polite:
                client.sendall(b"\x20\x02\x00\x01")
            raise ConnectionRefusedError
        return said
