"""How a runtime works a file off: what XNNPACK takes, what falls off it, and how long it lasts beside another file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

import numpy as np
from msgspec import Struct

from edge.clock import Clock
from edge.vision.runtime import Network

_DELEGATE: Final = "DELEGATE"
_ROUNDS: Final = 200


class Plan(Struct, frozen=True, forbid_unknown_fields=True):
    """`operators` in the file, `partitions` of them handed to XNNPACK, and those that fell off, by name.

    One partition and none off is best: at every seam the tensors go from one to the other.
    """

    operators: int
    partitions: int
    fell_off: dict[str, int]


def plan(network: Network) -> Plan:
    """What becomes of a file's operators. A delegated part is known by what it reads and writes at its edges."""
    steps = network.operators()
    own = [step for step in steps if step.name != _DELEGATE]
    parts = [step for step in steps if step.name == _DELEGATE]
    writer = {tensor: index for index, step in enumerate(own) for tensor in step.writes}
    taken: set[int] = set()
    for part in parts:
        wanted = list(part.writes)
        while wanted:
            tensor = wanted.pop()
            if tensor in writer and writer[tensor] not in taken and tensor not in part.reads:
                taken.add(writer[tensor])
                wanted.extend(own[writer[tensor]].reads)
    off = Counter(step.name for index, step in enumerate(own) if index not in taken)
    return Plan(len(own), len(parts), dict(sorted(off.items())))


def milliseconds(networks: Mapping[str, Network], clock: Clock, rounds: int = _ROUNDS) -> dict[str, float]:
    """The shortest of `rounds` runs of each network, in turn, so that other work on the machine meets all alike."""
    best = dict.fromkeys(networks, np.inf)
    random = np.random.default_rng(1)
    tensors = {name: random.uniform(-1, 1, it.input_shape).astype(np.float32) for name, it in networks.items()}
    for _ in range(rounds):
        for name, network in networks.items():
            started = clock.now()
            network.run(tensors[name])
            best[name] = min(best[name], 1e3 * (clock.now() - started))
    return best
