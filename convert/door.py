"""The whole rule at work: people are enrolled, people come by, and `edge.access` decides as it does at the door.

Nothing is decided here: references go through `edge.access.references.conclude`, every frame through
`edge.access.visits.step`. What is made up is who comes (`door_cast`) and what the camera sees of them (`frames`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from convert.door_cast import Cast, Resident
from convert.errors import ConversionError
from convert.frames import Jitter, Visits
from edge.access import visits
from edge.access.gallery import Gallery
from edge.access.policy import Rule
from edge.access.references import EnrolmentRequest, conclude
from edge.comparing import COSINE, Comparator
from edge.values import Decision, Embedding, Person, Probe, Terms

_ENROLLED_AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
_TRIES: Final = 3
_ROUNDING: Final = 1e-4  # far above what the order of a float32 sum changes


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Everybody who may appear: references as photographs that passed the gate, visits as probes frame by frame.

    `references[r]` are the usable reference vectors of resident `r`, `calls[r]` that resident's visits; `strangers[s]`
    is the one visit of stranger `s` and `stranger_vectors` [s, frames, dimension] its embeddings, 0 where none.
    """

    space: str
    residents: tuple[Resident, ...]
    references: tuple[NDArray[np.float32], ...]
    calls: tuple[tuple[tuple[Probe, ...], ...], ...]
    strangers: tuple[tuple[Probe, ...], ...]
    stranger_vectors: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """What happened, by person. `let_in`: pairs of a stranger and the resident they were taken for.

    For each resident: in how many galleries they were `enrolled` and how often that was `refused`; how many `visits`
    they made while enrolled, how many were `granted` under their own name and how many `mistaken` for another resident.
    """

    galleries: int
    strangers: int
    enrolled: NDArray[np.int64]
    refused: NDArray[np.int64]
    visits: NDArray[np.int64]
    granted: NDArray[np.int64]
    mistaken: NDArray[np.int64]
    let_in: list[tuple[int, int]] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, galleries: int, strangers: int, residents: int) -> Tally:
        enrolled, refused, visits_, granted, mistaken = np.zeros((5, residents), np.int64)
        return cls(galleries, strangers, enrolled, refused, visits_, granted, mistaken)


def scene_of(
    cast: Cast, vectors: NDArray[np.float32], words: NDArray[np.str_], seen: Visits, jitter: Jitter, *, space: str
) -> Scene:
    """`vectors` and `words` are of all pictures, `seen` the visits in the order of `cast.visits`."""
    probes = [tuple(seen.probes(row, space, jitter.every)) for row in range(len(cast.visits))]
    ends = np.cumsum([len(one.visits) for one in cast.residents]).tolist()
    calls = tuple(tuple(probes[end - len(one.visits) : end]) for one, end in zip(cast.residents, ends, strict=True))
    usable = [[index for index in one.references if words[index] == ""] for one in cast.residents]
    return Scene(
        space=space,
        residents=cast.residents,
        references=tuple(vectors[rows] for rows in usable),
        calls=calls,
        strangers=tuple(probes[ends[-1] :]),
        stranger_vectors=np.nan_to_num(seen.vectors[ends[-1] :]),
    )


def joined(scenes: Sequence[Scene]) -> Scene:
    """The people of several scenes at one door."""
    return Scene(
        space=scenes[0].space,
        residents=tuple(one for scene in scenes for one in scene.residents),
        references=tuple(one for scene in scenes for one in scene.references),
        calls=tuple(one for scene in scenes for one in scene.calls),
        strangers=tuple(one for scene in scenes for one in scene.strangers),
        stranger_vectors=np.concatenate([scene.stranger_vectors for scene in scenes]),
    )


def simulate(scene: Scene, rule: Rule, people: int, references: int, galleries: int, *, seed: int = 1) -> Tally:
    """Draw `galleries` households of `people`; everybody in one visits it, and every stranger does once.

    Raises ConversionError where there are not enough people to enrol.
    """
    tally = Tally.of(galleries, len(scene.strangers), len(scene.residents))
    for number in range(galleries):
        random = np.random.default_rng([seed, people, references, number])
        gallery = household(scene, rule, people, references, random, tally)
        indices = {person.id: int(person.id) for person in gallery.people}
        for resident in indices.values():
            _come_home(scene, gallery, rule, resident, tally)
        for stranger in np.flatnonzero(worth_a_look(scene, gallery, rule)).tolist():
            decision = decide(scene.strangers[stranger], gallery, rule)
            if decision is not None and decision.verdict == "granted" and decision.match is not None:
                tally.let_in.append((stranger, indices[decision.match.person_id]))
    return tally


def decide(frames: Sequence[Probe], gallery: Gallery, rule: Rule) -> Decision | None:
    """The door's answer to one visit: the first decision made; None where no frame was good enough for one."""
    state = visits.begin()
    for probe in frames:
        state, made = visits.step(state, probe, gallery, rule, probe.at, _visit_id)
        if made:
            return made[-1]
    _, made = visits.step(state, None, gallery, rule, frames[-1].at + rule.gone, _visit_id)
    return made[-1] if made else None


def _visit_id() -> str:
    return "visit"


def household(
    scene: Scene, rule: Rule, people: int, references: int, random: np.random.Generator, tally: Tally
) -> Gallery:
    """A gallery of `people` who could be enrolled, drawn one after the other."""
    enrolled: list[Person] = []
    for resident in random.permutation(len(scene.residents)).tolist():
        if len(enrolled) == people:
            break
        person = enrol(scene, rule, resident, references, random, Gallery.of(enrolled, scene.space, rule))
        if person is None:
            tally.refused[resident] += 1
        else:
            tally.enrolled[resident] += 1
            # Counted is what faces alone do, also those of whom the door would ask for a PIN besides.
            enrolled.append(replace(person, terms=Terms(second_factor="never")))
    if len(enrolled) < people:
        raise ConversionError(f"only {len(enrolled)} of {len(scene.residents)} residents can be enrolled, not {people}")
    return Gallery.of(enrolled, scene.space, rule)


def enrol(
    scene: Scene, rule: Rule, resident: int, references: int, random: np.random.Generator, gallery: Gallery
) -> Person | None:
    """Enrol from `references` photographs drawn at random; those that disagree are replaced, three times at most."""
    own = scene.references[resident]
    order = random.permutation(len(own)).tolist()
    taken, rest = order[:references], order[references:]
    request = EnrolmentRequest(scene.residents[resident].name, str(resident), references, "draw", _ENROLLED_AT)
    person = None
    for _ in range(_TRIES):
        outcome = conclude(request, [Embedding(own[index], scene.space) for index in taken], gallery, rule)
        person = outcome.person
        spares = rest[: len(outcome.dropped)]
        if not spares:
            break
        kept = [index for place, index in enumerate(taken) if place not in outcome.dropped]
        taken, rest = kept + spares, rest[len(spares) :]
    return person


def _come_home(scene: Scene, gallery: Gallery, rule: Rule, resident: int, tally: Tally) -> None:
    for frames in scene.calls[resident]:
        decision = decide(frames, gallery, rule)
        tally.visits[resident] += 1
        if decision is None or decision.verdict == "refused" or decision.match is None:
            tally.reasons[decision.reason if decision else "no_usable_frame"] += 1
        elif decision.match.person_id == str(resident):
            tally.granted[resident] += 1
        else:
            tally.mistaken[resident] += 1


def worth_a_look(scene: Scene, gallery: Gallery, rule: Rule) -> NDArray[np.bool_]:
    """Strangers with a frame that some reference may call a detection: without one nobody is ever verified."""
    count, frames, size = scene.stranger_vectors.shape
    nearest = (
        rule.compare.against(scene.stranger_vectors.reshape(-1, size), gallery.matrix)
        .max(axis=1)
        .reshape(count, frames)
    )
    return np.asarray(nearest.max(axis=1) >= rule.detection_threshold - _ROUNDING)


def nearest_strangers(scene: Scene, share: float, compare: Comparator = COSINE) -> NDArray[np.bool_]:
    """[strangers, residents]: whether the stranger is among the `share` most like that resident's photographs."""
    middles = np.stack([own.mean(axis=0) for own in scene.references])
    alike = compare.against(scene.stranger_vectors.mean(axis=1), middles)
    count = max(1, math.ceil(share * len(alike)))
    near = np.zeros(alike.shape, bool)
    np.put_along_axis(near, np.argsort(-alike, axis=0, kind="stable")[:count], values=True, axis=0)
    return near
