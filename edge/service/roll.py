"""The commands about people who are enrolled, and about their references."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from edge.access.gallery import Gallery
from edge.access.gallery_audit import Examined, examine
from edge.access.separation import separate
from edge.clock import Clock, local_zone
from edge.errors import MessageError, StoreError
from edge.mqtt.arguments import PersonArguments, PersonSetArguments, ReferenceArguments
from edge.mqtt.commands import Command
from edge.service.answers import Action
from edge.service.particulars import changed, nearest_facts, person_facts
from edge.service.person_pins import PersonPins
from edge.service.rooms import Rooms
from edge.service.telling import roster, system_event
from edge.store.store import Store
from edge.values import Person

_log = logging.getLogger(__name__)

_MOST_NEAR_MISSES: Final = 50  # keeps an answer short


def forget(store: Store, clock: Clock, person_id: str, why: str = "") -> bool:
    """Forget a person, their PIN, and that others were like them; whether there was such a person. Raises StoreError.

    `why`: a sentence for the journal.
    """

    def work() -> bool:
        PersonPins(store, clock).change(person_id, None)
        people = store.people()
        for one in people:
            if one.separation is not None and one.separation.nearest_id == person_id:
                stranger = replace(one.separation, nearest_id=None, nearest_similarity=None)
                store.change_person(replace(one, separation=stranger))
        person = next((one for one in people if one.id == person_id), None)
        told = system_event("person_deleted", why, person=person or Person(person_id, person_id, (), clock.wall()))
        return store.delete_person(person_id, told)

    return store.together(work)


def expired(people: Iterable[Person], wall: datetime, days: int) -> list[str]:
    """The ids of those whose access ended at least so many days before `wall`; 0: of nobody."""
    ended = {person.id: person.terms.valid_until for person in people}
    return [one for one, at in ended.items() if days and at is not None and wall - at >= timedelta(days=days)]


class Roll:
    """Belongs to the main thread. What it changes, the pipeline knows at once."""

    def __init__(self, rooms: Rooms) -> None:
        self._privacy = rooms.settings.mqtt.privacy
        self._days = rooms.settings.store.forget_expired_days
        self._clock = rooms.clock
        self._store = rooms.store
        self._pipeline = rooms.pipeline
        self._read_back = True
        self.actions: dict[str, Action] = {
            "person.list": self._list,
            "person.set": self._set,
            "person.delete": self._delete,
            "reference.list": self._list_references,
            "reference.delete": self._delete_reference,
            "gallery.audit": self._audit,
        }

    def forget_expired(self) -> bool:
        """Forget whose access ended long ago; whether there was anybody. Nobody without a date to go by."""
        today = self._store.today()
        gone = [] if today is None else expired(self._people(), today, self._days)
        for person_id in gone:
            forget(self._store, self._clock, person_id, f"{self._days} days after the end of their access")
            self.know(gone=person_id)
        return bool(gone)

    def know(self, person: Person | None = None, *, gone: str | None = None) -> None:
        """Take in who is stored now: after `person` was, or who had the id `gone` was deleted.

        Never raises, for it was done: where the store cannot be read back, what was written to it is what is known.
        """
        try:
            people, self._read_back = self._store.people(), True
        except StoreError as error:
            _log.error("who is enrolled cannot be read back: %s", error)
            known = {one.id: one for one in self._pipeline.gallery.people} | ({person.id: person} if person else {})
            people, self._read_back = tuple(one for one in known.values() if one.id != gone), False
        self._pipeline.admit(people)

    def _people(self) -> tuple[Person, ...]:
        """Everybody who is stored. Raises StoreError."""
        people = self._store.people()
        if not self._read_back:
            self._read_back = True
            self._pipeline.admit(people)
        return people

    def _list(self, _command: Command) -> dict[str, Any]:
        people = roster(self._people(), self._pipeline.gallery, self._privacy)
        return {"people": people, "damaged": list(self._store.damaged)}

    def _set(self, command: Command) -> dict[str, Any]:
        assert isinstance(command.arguments, PersonSetArguments)
        person, fields = changed(self._person(command.arguments.person_id), command.arguments, local_zone())
        self._change(person, "person_changed", ", ".join(fields))
        return person_facts(person, self._pipeline.gallery, self._privacy)

    def _delete(self, command: Command) -> dict[str, Any]:
        assert isinstance(command.arguments, PersonArguments)
        wanted = command.arguments.person_id
        if not forget(self._store, self._clock, wanted):
            raise MessageError("no_such_person", f"nobody has the id {wanted}")
        self.know(gone=wanted)
        return {"person_id": wanted}

    def _list_references(self, command: Command) -> dict[str, Any]:
        assert isinstance(command.arguments, PersonArguments)
        person = self._person(command.arguments.person_id)
        examined = {one.number: one for one in examine(person, self._pipeline.gallery, self._pipeline.rule)}
        references = [
            {"number": number, "space": reference.space, **self._reference_facts(examined.get(number))}
            for number, reference in enumerate(person.references, start=1)
        ]
        return {"person_id": person.id, "references": references}

    def _delete_reference(self, command: Command) -> dict[str, Any]:
        assert isinstance(command.arguments, ReferenceArguments)
        number = command.arguments.number
        person = self._person(command.arguments.person_id)
        if number > len(person.references):
            raise MessageError("no_such_reference", f"number: {person.id} has {len(person.references)} references")
        least = self._pipeline.rule.minimum_references
        if len(person.references) <= least:
            raise MessageError("too_few_references", f"a person keeps at least {least} references: enrol them again")
        rest = tuple(one for place, one in enumerate(person.references, start=1) if place != number)
        self._change(self._separated(replace(person, references=rest)), "reference_deleted")
        return {"person_id": person.id, "references": len(rest)}

    def _audit(self, _command: Command) -> dict[str, Any]:
        self._people()
        gallery, rule = self._pipeline.gallery, self._pipeline.rule
        examined = {person.id: examine(person, gallery, rule) for person in gallery.people}
        near = rule.detection_threshold - rule.margin
        misses = [one for all_of in examined.values() for one in all_of if (one.nearest_similarity or -1.0) >= near]
        misses.sort(key=lambda one: -(one.nearest_similarity or 0.0))
        return {
            "detection_threshold": round(rule.detection_threshold, 6),
            "people": [
                {
                    "person_id": person_id,
                    "references": len(all_of),
                    "recognised": sum(one.recognised for one in all_of),
                    "not_recognised": [one.number for one in all_of if not one.recognised],
                }
                for person_id, all_of in examined.items()
            ],
            "near_misses": [
                {"person_id": one.person_id, "number": one.number, "nearest": self._nearest(one)}
                for one in misses[:_MOST_NEAR_MISSES]
            ],
            "too_close": [
                {"person_id": person_id, "nearest": nearest_facts(*nearest, self._privacy)}
                for person_id, nearest in gallery.close.items()
            ],
            "of_another_model": list(gallery.unusable),
            "damaged": list(self._store.damaged),
        }

    def _person(self, person_id: str) -> Person:
        person = next((one for one in self._people() if one.id == person_id), None)
        if person is None:
            raise MessageError("no_such_person", f"nobody has the id {person_id}")
        return person

    def _change(self, person: Person, word: str, detail: str = "") -> None:
        self._store.change_person(person, system_event(word, detail, person=person))
        self.know(person)

    def _separated(self, person: Person) -> Person:
        """`person` with the report of how they stand among the others now, where they can be compared."""
        gallery, rule = self._pipeline.gallery, self._pipeline.rule
        if person.id in gallery.unusable:
            return person
        others = Gallery.of((one for one in gallery.people if one.id != person.id), gallery.space, rule)
        return replace(person, separation=separate(person, others, rule))

    def _reference_facts(self, one: Examined | None) -> dict[str, Any]:
        """What can be said of a reference that can be compared, and null for one that cannot."""
        if one is None:
            return dict.fromkeys(("median_own", "worst_own", "nearest", "recognised"))
        return {
            "median_own": round(one.median_own, 4),
            "worst_own": round(one.worst_own, 4),
            "nearest": self._nearest(one),
            "recognised": one.recognised,
        }

    def _nearest(self, one: Examined) -> dict[str, Any] | None:
        return nearest_facts(one.nearest_id, one.nearest_similarity, self._privacy)
