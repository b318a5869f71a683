"""A connection that asks for nothing is hung up on: else two hundred silent ones would be all that there may be."""

from __future__ import annotations

from asyncio import Transport
from typing import Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS: Final = 10.0


class ImpatientConnection(H11Protocol):
    """The head of a request must be whole so many seconds after the connection was made, or after the last answer.

    Bytes that trickle in do not put that off. How long a body may take is the gate's to say.
    """

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._due.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        self._due.cancel()
        self._await_request()
        super().on_response_complete()

    def _await_request(self) -> None:
        self._due = self.loop.call_later(REQUEST_SECONDS, self._hang_up_after, self.cycle)

    def _hang_up_after(self, last: Any) -> None:
        """Unless there was a request after `last`."""
        if self.cycle is last:
            self.transport.abort()
