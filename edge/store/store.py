"""The store as the rest of Limen sees it: people, journal and spent transactions in the state directory.

Used by one thread. Every method raises StoreError when the disk or the file fails; then nothing of it was done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Final, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from edge.clock import Clock
from edge.errors import StoreError
from edge.settings import StoreSettings
from edge.store.backup import Backup, Header, Member, read_backup, write_backup
from edge.store.calendar import Calendar
from edge.store.database import Database
from edge.store.journal import Journal, JournalRow
from edge.store.ledger import without_person
from edge.store.limits import KEEP_ANSWERS, Limits
from edge.store.memory import Memory
from edge.store.people import People
from edge.store.pin import Pin
from edge.store.spent import Spent, SpentAnswer
from edge.values import Event, Person

_Result = TypeVar("_Result")

NOTHING_KEPT: Final[Mapping[str, bytes]] = MappingProxyType({})


def open_store(settings: StoreSettings, directory: Path, clock: Clock, *, limits: Limits | None = None) -> Store:
    """Open, or make, the store in `directory` and hold it alone until it is closed.

    Raises StoreBusyError when another process holds it, and StoreError, with a cure and nothing overwritten, when it
    is damaged, newer than this program, or not to be used, or when the key it is sealed under is not there.
    """
    return Store(settings, directory, clock, limits or Limits())


class Store:
    def __init__(self, settings: StoreSettings, directory: Path, clock: Clock, limits: Limits) -> None:
        self._retention = timedelta(days=settings.retention_days)
        self._keep_crops = settings.keep_crops
        self._database = Database(directory, limits.ballast_bytes)
        self._people = People(self._database)
        self._journal = Journal(self._database, clock, limits)
        self._spent = Spent(self._database, clock, limits)
        if not self._keep_crops:
            self._people.forget_crops()
        self._memory = Memory(self._database)
        self._calendar = Calendar(self._memory, self._journal, clock)
        self.pin = Pin(self._database)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._database.close()

    def together(self, work: Callable[[], _Result]) -> _Result:
        """Do `work`, and keep all that it writes or nothing; it must change nothing else, for it may be done twice."""
        result = self._database.together(work)
        self._people.flush()
        return result

    def people(self) -> tuple[Person, ...]:
        """Everybody who can be read whole; the others are named in `damaged`."""
        return self._people.all()

    def person_ids(self) -> frozenset[str]:
        """All ids that are taken, also of people who cannot be read."""
        return self._people.ids()

    @property
    def damaged(self) -> tuple[str, ...]:
        """Ids of those whom the last `people()` could not read whole."""
        return self._people.damaged

    @property
    def rolled_back(self) -> bool:
        """Whether the last `people()` found people who are older than the journal: then none of them is trusted."""
        return self._people.rolled_back

    @property
    def generation(self) -> int:
        """Grows by one with every change of people."""
        return self._people.generation

    def add_person(self, person: Person, event: Event | None = None, crops: Sequence[NDArray[np.uint8]] = ()) -> None:
        """All of `person`, and the `event` that tells of it, or nothing.

        `crops`: the aligned pictures that the references were made of, uint8 [n, n, 3], RGB; kept only where
        `store.keep_crops` asks for it. Raises StoreError if the id is taken or a reference is no unit vector.
        """
        self._change(lambda: self._people.add(person, crops if self._keep_crops else ()), event)

    def change_person(
        self, person: Person, event: Event | None = None, crops: Sequence[NDArray[np.uint8]] | None = None
    ) -> None:
        """Put `person` in the place of who has this id, with the `event` that tells of it, or do nothing.

        With `crops` None the crops of references that stay are kept. Raises StoreError if nobody has the id.
        """
        self._change(lambda: self._people.change(person, crops if self._keep_crops else ()), event)

    def crops(self, person_id: str) -> tuple[NDArray[np.uint8], ...]:
        """The pictures a person's references were made of, in their order; none where not all of them were kept.

        Raises StoreError when one was altered, or nobody has the id.
        """
        return self._people.crops(person_id)

    def back_up(
        self, path: Path, header: Header, passphrase: str | None = None, kept: Mapping[str, bytes] = NOTHING_KEPT
    ) -> tuple[Person, ...]:
        """Write everybody who can be read, and `kept`, into the file `path`, sealed; who is in it."""
        people = self.people()
        if self.rolled_back:
            raise StoreError("the people are older than the journal: there is nobody to trust, and nothing to back up")
        members = tuple(Member(person, self._readable_crops(person.id)) for person in people)
        write_backup(path, header, Backup(members, kept), self._database.key if passphrase is None else passphrase)
        return people

    def backed_up(self, path: Path, passphrase: str | None = None) -> Backup:
        """What is in the backup `path`. Raises StoreError when it is none, was altered, or another key opens it."""
        return read_backup(path, self._database.key if passphrase is None else passphrase)

    def restore(
        self, members: Iterable[Member], told: Callable[[Person], Event], kept: Mapping[str, bytes] = NOTHING_KEPT
    ) -> None:
        """Add all of them, or put them in the place of who has their id, each with an event; or do nothing.

        `kept` is kept with them.
        """

        def work() -> None:
            taken = self.person_ids()
            for person, crops in members:
                put = self._people.change if person.id in taken else self._people.add
                put(person, crops if self._keep_crops else ())
                self._journal.add(told(person))
            for name, value in kept.items():
                self._memory.keep(name, value)

        self.together(work)

    def delete_person(self, person_id: str, event: Event | None = None) -> bool:
        """Whether there was such a person; the journal knows them by a pseudonym then, or nothing happens.

        `event`: what the journal tells of it, under that pseudonym (`person_deleted`).
        """
        told = event or Event("system", {"event": "person_deleted", "detail": "", "person_id": person_id})

        def work() -> bool:
            found = self._people.delete(person_id)
            if found:
                pseudonym = self._journal.erase(person_id)
                self._spent.erase(person_id)
                self._journal.add(Event(told.kind, without_person(told.data, person_id, pseudonym)))
            return found

        return self.together(work)

    def keep(self, name: str, value: bytes) -> None:
        """Know `value` by this name again after a restart; it is sealed. At most 64 KiB."""
        self._memory.keep(name, value)

    def kept(self, name: str) -> bytes | None:
        """What was kept under this name, None where nothing was. Raises StoreError when it was altered."""
        return self._memory.kept(name)

    def journal(self, event: Event) -> JournalRow:
        """Write `event` down; it survives a power cut once this returns."""
        return self._journal.add(event)

    def unsent(self, limit: int) -> tuple[JournalRow, ...]:
        """Rows not yet marked as sent, oldest first."""
        return self._journal.unsent(limit)

    def backlog(self) -> int:
        """How many rows are not marked as sent."""
        return self._journal.backlog()

    def mark_sent(self, row_id: str) -> None:
        self._journal.mark_sent(row_id)

    def events(self, after_seq: int | None, limit: int) -> tuple[JournalRow, ...]:
        """Rows after `after_seq`, or with None the newest ones; sent or not, oldest first."""
        return self._journal.newest(limit) if after_seq is None else self._journal.after(after_seq, limit)

    @property
    def audit_head(self) -> str:
        """`SEQ:HASH`: whoever knows it can tell later whether the journal up to there is still the same."""
        return self._journal.head()

    @property
    def dropped(self) -> int:
        """Events that went undelivered, because the journal was full or they grew too old, since the store was made."""
        return self._journal.dropped

    def answer(self, transaction: str) -> SpentAnswer | None:
        """What was answered to a transaction of at least the last 24 hours (and at most 10,000 of them)."""
        return self._spent.answer(transaction)

    def remember(self, transaction: str, digest: str, answer: str) -> None:
        """Keep the answer to a transaction. Raises StoreError if a request with another digest spent it."""
        self._spent.remember(transaction, digest, answer)

    @property
    def disk_was_full(self) -> bool:
        """Whether the reserve had to be freed; `prune` puts it back when there is room again."""
        return self._database.ballast.freed

    def today(self) -> datetime | None:
        """By which date things may be deleted for being old; None while the clock is not to be believed in that."""
        return self._database.together(self._calendar.today)

    def prune(self) -> int:
        """Delete what is past its time, and say how many events that were; nothing without a date of `today`."""
        self._database.ballast.keep()
        self._people.flush()
        today = self.today()
        if today is None:
            return 0
        self._spent.prune(today - KEEP_ANSWERS)
        return self._journal.prune(today - self._retention)

    def _readable_crops(self, person_id: str) -> tuple[NDArray[np.uint8], ...]:
        with suppress(StoreError):
            return self._people.crops(person_id)
        return ()

    def _change(self, work: Callable[[], None], event: Event | None) -> None:
        def both() -> None:
            work()
            if event is not None:
                self._journal.add(event)

        self.together(both)
