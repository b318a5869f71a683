"""Who may read and write which topics, as mosquitto's access list says it. What is not named is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edge.mqtt.topics import Topics


@dataclass(frozen=True, slots=True)
class Rights:
    """Topic filters."""

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()


def access_list(users: Mapping[str, Rights]) -> str:
    """The text of an access list."""
    lines: list[str] = []
    for name, rights in users.items():
        lines += [f"user {name}", *(f"topic read {topic}" for topic in rights.read)]
        lines += [*(f"topic write {topic}" for topic in rights.write), ""]
    return "\n".join(lines)


def door_rights(topics: Topics) -> Rights:
    """A door: all of its own subtree, nothing of another door's, and its place in Home Assistant."""
    own, announced = f"{topics.root}/#", topics.discovery
    return Rights((own, announced, topics.birth), (own, announced, f"{topics.base}/clients/#"))


def operator_rights(topics: Topics) -> Rights:
    """Whoever enrols people and gives commands, at every door; each door still asks for what the command needs."""
    every = Topics(topics.base, "+", topics.discovery_prefix)
    announced = f"{topics.discovery_prefix}/device/+/config"
    return Rights((f"{topics.base}/#", announced), (every.requests, every.lock_set, announced))


def dashboard_rights(topics: Topics, name: str) -> Rights:
    """Whoever watches: state and events of every door, and commands; what changes something must be signed, too.

    (Enrolling only once a key has that right: until then a door cannot tell one sender from another.)
    """
    every = Topics(topics.base, "+", topics.discovery_prefix)
    answers = (every.response("#"), every.progress("#"), f"{topics.base}/clients/{name}/#")
    return Rights((*_told(every), *answers), (every.requests,))


def home_assistant_rights(topics: Topics) -> Rights:
    """Home Assistant: state, events and faces of every door, its lock and self-test, and its own topics."""
    every, own = Topics(topics.base, "+", topics.discovery_prefix), f"{topics.discovery_prefix}/#"
    reads = (*_told(every), every.image, every.response("selftest"), own)
    return Rights(reads, (every.lock_set, every.request("selftest"), own))


def _told(every: Topics) -> tuple[str, ...]:
    states = (every.availability, every.camera_availability, every.info, every.status)
    return (*states, every.lock_state, every.door_state, every.events)
