"""The commands about people who are enrolled."""

from __future__ import annotations

from typing import Any

from edge.errors import MessageError
from edge.mqtt.arguments import PersonArguments
from edge.mqtt.commands import Command
from edge.service.answers import Action
from edge.service.person_pins import PersonPins
from edge.service.rooms import Rooms
from edge.service.telling import roster, system_event
from edge.values import Person


class Roll:
    """Belongs to the main thread. What it changes, the pipeline knows at once."""

    def __init__(self, rooms: Rooms) -> None:
        self._privacy = rooms.settings.mqtt.privacy
        self._clock = rooms.clock
        self._store = rooms.store
        self._pipeline = rooms.pipeline
        self.actions: dict[str, Action] = {"person.list": self._list, "person.delete": self._delete}

    def _list(self, _command: Command) -> dict[str, Any]:
        people = roster(self._store.people(), self._pipeline.gallery, self._privacy)
        return {"people": people, "damaged": list(self._store.damaged)}

    def _delete(self, command: Command) -> dict[str, Any]:
        assert isinstance(command.arguments, PersonArguments)
        wanted = command.arguments.person_id
        person = next((one for one in self._store.people() if one.id == wanted), None)
        person = person or Person(wanted, wanted, (), self._clock.wall())
        PersonPins(self._store, self._clock).change(wanted, None)  # first: who gets this id next must not find it
        if not self._store.delete_person(wanted, system_event("person_deleted", person=person)):
            raise MessageError("no_such_person", f"nobody has the id {wanted}")
        self._pipeline.admit(self._store.people())
        return {"person_id": wanted}
