"""Every topic, built in one place. `<base>/<door>/…`; state is retained, events and commands never are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from edge.errors import ConfigError
from edge.settings import Settings
from edge.values import EventKind

_LONGEST_REPLY_TOPIC: Final = 256
_COMMAND = re.compile(r"[a-z][a-z0-9_.]{0,31}")
_UNKNOWN_COMMAND: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one door. `discovery_prefix`: where Home Assistant looks for devices."""

    base: str
    door: str
    discovery_prefix: str = "homeassistant"

    def __post_init__(self) -> None:
        if self.door == "clients":
            raise ConfigError("door.id: `clients` is where command senders get their answers; choose another id")

    @classmethod
    def of(cls, settings: Settings) -> Topics:
        return cls(settings.mqtt.base, settings.door.id, settings.home_assistant.prefix)

    @property
    def root(self) -> str:
        return f"{self.base}/{self.door}"

    @property
    def availability(self) -> str:
        """Retained `online` or `offline`; also the will."""
        return f"{self.root}/availability"

    @property
    def camera_availability(self) -> str:
        """Retained `online` or `offline`."""
        return f"{self.root}/camera/availability"

    @property
    def info(self) -> str:
        """Retained Info."""
        return f"{self.root}/info"

    @property
    def status(self) -> str:
        """Retained Status."""
        return f"{self.root}/status"

    @property
    def lock_state(self) -> str:
        """Retained `LOCKED`, `UNLOCKED` or `JAMMED`."""
        return f"{self.root}/lock/state"

    @property
    def lock_set(self) -> str:
        """What Home Assistant's lock publishes to."""
        return f"{self.root}/lock/set"

    @property
    def door_state(self) -> str:
        """Retained `open`, `closed` or `unknown`."""
        return f"{self.root}/door/state"

    @property
    def image(self) -> str:
        """Not retained: the face of the visit decided last, a JPEG; only where `mqtt.image` asks for it."""
        return f"{self.root}/image"

    def event(self, kind: EventKind) -> str:
        """Where an event goes while it is fresh."""
        return f"{self.root}/event/{kind}"

    @property
    def backfill(self) -> str:
        """Where events go that could not be sent when they happened."""
        return f"{self.root}/event/backfill"

    @property
    def events(self) -> str:
        """Filter: all events, live and late."""
        return f"{self.root}/event/+"

    @property
    def requests(self) -> str:
        """Filter: all commands."""
        return f"{self.root}/request/#"

    def request(self, command: str) -> str:
        return f"{self.root}/request/{command}"

    def response(self, command: str) -> str:
        return f"{self.root}/response/{command}"

    def progress(self, command: str) -> str:
        return f"{self.root}/progress/{command}"

    @property
    def discovery(self) -> str:
        """Retained: what Home Assistant needs to show this door."""
        return f"{self.discovery_prefix}/device/limen_{self.door}/config"

    @property
    def birth(self) -> str:
        """Home Assistant says `online` here when it has started."""
        return f"{self.discovery_prefix}/status"

    def command_of(self, topic: str) -> str:
        """The command a request topic names; `unknown` for what cannot be a command's name."""
        name = topic.removeprefix(f"{self.root}/request/")
        return name if _COMMAND.fullmatch(name) else _UNKNOWN_COMMAND

    def may_answer_on(self, topic: str) -> bool:
        """Whether a sender may ask for its answer on `topic`: nowhere that somebody else reads as the door's state."""
        below = (f"{self.root}/response/", f"{self.base}/clients/")
        return (
            len(topic) <= _LONGEST_REPLY_TOPIC
            and any(topic.startswith(prefix) and len(topic) > len(prefix) for prefix in below)
            and topic.isprintable()
            and not any(character in topic for character in "+#")
        )
