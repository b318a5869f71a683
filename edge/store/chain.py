"""The hash chain over the journal: what a link covers, and whether a chain holds. Pure.

A link covers a row's facts, a commitment to its data, the amendments made until then, and the link before it. The
commitment is `sha256(salt || data)`: without its salt it tells nothing about the data, so both may be erased. What was
dropped or erased is listed in amendments, and the digest of that list is in the next link.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from edge.errors import StoreError

SALT_BYTES: Final = 16
START: Final = bytes(32)  # the link before the first


class Facts(NamedTuple):
    """What a link covers of a row besides its data."""

    seq: int
    id: str
    boot_id: str
    ts: int
    ts_trusted: int
    kind: str
    monotonic: float
    generation: int


class ChainRow(NamedTuple):
    """A row with its link. `salt` is None where the data was replaced when a person was erased."""

    facts: Facts
    data: str
    salt: bytes | None
    commitment: bytes
    amended: bytes
    hash: bytes


class Dropped(NamedTuple):
    """Rows `first` to `last` are gone, by age or for want of room; the chain goes on from `hash`."""

    first: int
    last: int
    hash: bytes


class Erased(NamedTuple):
    """The data of row `seq` was replaced by one with this SHA-256, which names nobody."""

    seq: int
    digest: bytes


class Head(NamedTuple):
    """The newest link, and the digest of the amendments."""

    seq: int
    hash: bytes
    amended: bytes

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash.hex()}"


@dataclass(frozen=True, slots=True)
class Chain:
    """All that is needed to check a journal; `rows` in the order in which they are kept, read once."""

    head: Head
    dropped: tuple[Dropped, ...]
    erased: tuple[Erased, ...]
    rows: Iterable[ChainRow]


@dataclass(slots=True)
class Finding:
    """What a check came to: `problem` is None where the chain holds."""

    rows: int = 0
    problem: str | None = None
    notes: list[str] = field(default_factory=list)


def commit(salt: bytes, data: str) -> bytes:
    return hashlib.sha256(salt + data.encode()).digest()


def digest_of(data: str) -> bytes:
    return hashlib.sha256(data.encode()).digest()


def link(facts: Facts, commitment: bytes, amended: bytes, before: bytes) -> bytes:
    """The hash of a row, which goes on from that of the row before it."""
    text = json.dumps((*facts, commitment.hex(), amended.hex(), before.hex()), separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()


def amendments(dropped: Iterable[Dropped], erased: Iterable[Erased]) -> bytes:
    """The digest of everything that was taken out of the chain on purpose."""
    whole = hashlib.sha256()
    for first, last, goes_on in dropped:
        whole.update(b"dropped %d %d %b\n" % (first, last, goes_on.hex().encode()))
    for seq, digest in erased:
        whole.update(b"erased %d %b\n" % (seq, digest.hex().encode()))
    return whole.digest()


NOTHING_AMENDED: Final = amendments((), ())


def check(chain: Chain, known: tuple[int, str] | None = None) -> Finding:
    """Whether every row is there, unaltered and in order, up to the head, and `known`, an earlier head, among them."""
    finding = Finding()
    try:
        for _ in _Walk(chain, known, finding).rows():
            finding.rows += 1
    except StoreError as error:
        finding.problem = str(error)
    if chain.erased:
        finding.notes.append(f"{len(chain.erased)} rows tell of people who were erased, under a pseudonym")
    return finding


class _Walk:
    """Goes along a chain once. Raises StoreError at the first thing that is wrong."""

    def __init__(self, chain: Chain, known: tuple[int, str] | None, finding: Finding) -> None:
        self._chain, self._known, self._finding = chain, known, finding
        self._dropped = {each.first: each for each in chain.dropped}
        self._erased = dict(chain.erased)
        self._seq, self._hash = 0, START

    def rows(self) -> Iterator[ChainRow]:
        newest = None
        for newest in self._chain.rows:
            self._pass_dropped()
            self._row(newest)
            yield newest
        self._pass_dropped()
        self._end(newest)

    def _row(self, row: ChainRow) -> None:
        seq = row.facts.seq
        if seq <= self._seq:
            raise StoreError(f"row {seq} is there twice, inserted, or out of order")
        if seq != self._seq + 1:
            raise StoreError(f"rows {self._seq + 1} to {seq - 1} are missing and were not dropped by the door")
        if row.salt is None and self._erased.pop(seq, None) != digest_of(row.data):
            raise StoreError(f"the data of row {seq} was altered")
        if row.salt is not None and commit(row.salt, row.data) != row.commitment:
            raise StoreError(f"the data of row {seq} was altered")
        if link(row.facts, row.commitment, row.amended, self._hash) != row.hash:
            raise StoreError(f"row {seq} was altered, or the one before it")
        self._go_on(seq, row.hash)

    def _pass_dropped(self) -> None:
        while (gap := self._dropped.pop(self._seq + 1, None)) is not None:
            self._finding.notes.append(f"rows {gap.first} to {gap.last} were dropped, by age or for want of room")
            if self._known is not None and gap.first <= self._known[0] < gap.last:
                self._finding.notes.append(f"row {self._known[0]}, the head you know, is among those that were dropped")
            self._go_on(gap.last, gap.hash)

    def _go_on(self, seq: int, goes_on: bytes) -> None:
        if seq <= self._seq:
            raise StoreError("the list of what was dropped or erased was altered")
        self._seq, self._hash = seq, goes_on
        if self._known is not None and seq == self._known[0] and goes_on.hex() != self._known[1]:
            raise StoreError(f"row {seq} is not the one whose head you know: the journal was written anew")

    def _end(self, newest: ChainRow | None) -> None:
        head = self._chain.head
        if (self._seq, self._hash) != (head.seq, head.hash):
            raise StoreError(f"the journal ends with row {self._seq}, its head is {head.seq}: rows are missing")
        if self._known is not None and self._known[0] > self._seq:
            raise StoreError(f"the journal ends with row {self._seq}, and you know of row {self._known[0]}: cut off")
        if amendments(self._chain.dropped, self._chain.erased) != head.amended or self._dropped or self._erased:
            raise StoreError("the list of what was dropped or erased was altered")
        # The newest row covers that list; unless it was dropped itself, when the next one will.
        if newest is not None and newest.facts.seq == head.seq and newest.amended != head.amended:
            raise StoreError("rows were dropped or erased after the newest row, which the door never does")
