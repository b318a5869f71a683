"""How references are sealed before they are written: the seam for encryption at rest."""

from __future__ import annotations

from typing import Final, Protocol


class Seal(Protocol):
    """`bound_to` names whose bytes they are; sealed bytes moved to another row must not open."""

    def seal(self, plain: bytes, bound_to: bytes) -> bytes: ...

    def unseal(self, sealed: bytes, bound_to: bytes) -> bytes:
        """Raises StoreError when the bytes were altered or belong elsewhere."""


class _Plain:
    def seal(self, plain: bytes, bound_to: bytes) -> bytes:  # noqa: ARG002 - the protocol's
        return plain

    def unseal(self, sealed: bytes, bound_to: bytes) -> bytes:  # noqa: ARG002 - the protocol's
        return sealed


PLAIN: Final[Seal] = _Plain()
