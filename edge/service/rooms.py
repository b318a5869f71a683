"""All opened rooms of one door, in one value: what `edge.app` opens, and what joins them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from edge.camera import Camera
from edge.clock import Clock
from edge.door.indicator import Indicator
from edge.door.inputs import Inputs
from edge.door.strike import Strike
from edge.mqtt.authority import Standing
from edge.mqtt.embedded import Broker
from edge.mqtt.link import Link
from edge.pipeline import Pipeline
from edge.service.preview import Preview
from edge.settings import Settings
from edge.store.store import Store
from edge.vision.eye import Eye


class Wires(NamedTuple):
    """What the door has besides its strike; either may be wired to nothing."""

    inputs: Inputs
    indicator: Indicator


@dataclass(frozen=True, slots=True, eq=False)
class Rooms:
    """`standing` says what may be commanded over `link`.

    `broker` is there when it is embedded, `preview` when it was asked for.
    """

    settings: Settings
    clock: Clock
    store: Store
    strike: Strike
    eye: Eye
    pipeline: Pipeline
    link: Link
    standing: Standing
    camera: Camera
    wires: Wires
    broker: Broker | None = None
    preview: Preview | None = None
