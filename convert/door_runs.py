"""Which doors are simulated: each level with small and larger households, and the shipped rule with one number changed.

`measure_door` is all of it, with the thresholds of the embedder's own card.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final, Literal, get_args

from tqdm import tqdm

from convert.datasets import Identities, identities, people_of, read_pairs
from convert.door import Scene, Tally, joined, nearest_strangers, scene_of, simulate
from convert.door_cast import cast_of
from convert.door_figures import ROUNDS, extrapolate, false_negatives, false_positives, let_in_as, mistaken
from convert.door_record import DoorRecord, Extrapolated, LookAlikes, Row, Security, Step
from convert.embeddings import Device, embed_on_device
from convert.frames import JITTER, Jitter, visits_of
from convert.lookalikes import NEAREST
from edge.access.policy import Rule, make_rule
from edge.comparing import COSINE
from edge.settings import AccessSettings

COMMAND: Final = "limen-convert measure door"
_HOUSEHOLDS: Final = (5, 10, 20)
_REFERENCES: Final = (5, 10)
_ENROLMENTS: Final = 2000  # for each row: as many galleries as hold these
_STEP_ENROLMENTS: Final = 1000
_USUAL: Final = (10, 10)  # people and references while one number of the rule is changed
_LARGER: Final = (50, 100, 200)
_SEED: Final = 1
_NOT_TOLD: Final = ("security", "level_threshold", "detection_threshold", "compare")


def measure_door(images: Path, train: Path, test: Path, device: Device, data: str) -> DoorRecord:
    """Simulate everything with the people of two pairs files, and count."""
    halves = [_half(images, pairs, device, JITTER) for pairs in (train, test)]
    scenes: dict[Literal["everybody", "test"], Scene] = {"everybody": joined(halves), "test": halves[1]}
    rules = rules_of(device)
    rows = tuple(_rows(scenes, rules))
    return DoorRecord(
        **device.made(data, COMMAND),
        seed=_SEED,
        rounds=ROUNDS,
        thresholds={security: rule.detection_threshold for security, rule in rules.items()},
        rule=_told(rules["balanced"]) | {"compared_by": device.embedder.compared_by},
        jitter=JITTER,
        scenes={name: _size(scene) for name, scene in scenes.items()},
        rows=rows,
        look_alikes=tuple(look_alikes(scenes["everybody"], rules)),
        steps=tuple(_steps(scenes["everybody"], rules["balanced"])),
        extrapolated=tuple(_extrapolated(rows)),
    )


def _told(rule: Rule) -> dict[str, Any]:
    """What is the same for every level."""
    return {key: value for key, value in asdict(replace(rule, compare=COSINE)).items() if key not in _NOT_TOLD}


def rules_of(device: Device) -> Mapping[Security, Rule]:
    """The shipped rule of each level, with the card's thresholds."""
    thresholds = [(step.fmr, step.similarity) for step in device.embedder.thresholds]
    levels: tuple[Security, ...] = get_args(Security)
    return {level: make_rule(AccessSettings(security=level), thresholds, device.compare) for level in levels}


def scene(people: Identities, device: Device, jitter: Jitter) -> Scene:
    """The people of one set of pictures, as residents and strangers."""
    cast = cast_of(people, seed=_SEED)
    known = embed_on_device(people.pictures, device)
    seen = visits_of([people.pictures[index] for index in cast.visits], device, jitter)
    return scene_of(cast, known.vectors, known.words, seen, jitter, space=device.space)


def _half(images: Path, pairs: Path, device: Device, jitter: Jitter) -> Scene:
    return scene(identities(images, people_of(read_pairs(pairs, images))), device, jitter)


def _rows(scenes: Mapping[Literal["everybody", "test"], Scene], rules: Mapping[Security, Rule]) -> Iterator[Row]:
    cases = [
        (name, security, enrolled, references)
        for name in scenes
        for security in rules
        for enrolled in _HOUSEHOLDS
        for references in _REFERENCES
        if name == "everybody" or (enrolled, references) == _USUAL
    ]
    for name, security, enrolled, references in tqdm(cases, desc="doors", unit=" doors", disable=None):
        galleries = _ENROLMENTS // enrolled
        tally = simulate(scenes[name], rules[security], enrolled, references, galleries, seed=_SEED)
        yield row(name, security, enrolled, references, tally, _calls(scenes[name]))


def row(
    name: Literal["everybody", "test"], security: Security, enrolled: int, references: int, tally: Tally, distinct: int
) -> Row:
    """One tally as a line of the table. `distinct`: how many different visits the residents can make."""
    attempts = int(tally.enrolled.sum() + tally.refused.sum())
    return Row(
        people=name,
        security=security,
        enrolled=enrolled,
        references=references,
        galleries=tally.galleries,
        fpir=false_positives(tally),
        fnir=false_negatives(tally, distinct),
        mistaken=mistaken(tally, distinct),
        not_enrolled=round(int(tally.refused.sum()) / max(1, attempts), 6),
        reasons=dict(sorted(tally.reasons.items())),
    )


def look_alikes(scene: Scene, rules: Mapping[Security, Rule]) -> Iterator[LookAlikes]:
    """Each level against the strangers who resemble a resident most; the same households as in the table."""
    near = nearest_strangers(scene, NEAREST, rules["balanced"].compare)
    enrolled, references = _USUAL
    for security, rule in tqdm(rules.items(), desc="look-alikes", unit=" doors", disable=None):
        tally = simulate(scene, rule, enrolled, references, _ENROLMENTS // enrolled, seed=_SEED)
        yield LookAlikes(
            security=security,
            enrolled=enrolled,
            references=references,
            nearest=int(near[:, 0].sum()),
            fpir=let_in_as(tally, near),
        )


def changes(shipped: Rule) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Setting, value, and the fields of the rule that differ; the shipped value is among them."""
    for limit in sorted({0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, shipped.detection_threshold}):
        yield "detection_threshold", f"{limit:.4g}", {"detection_threshold": limit}
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):
        yield "verification_threshold", f"{share:g}", {"verification_threshold": share}
    for needed, window in ((1, 1), (2, 3), (3, 5), (5, 5), (5, 7)):
        yield "frames", f"{needed} of {window}", {"frames_needed": needed, "frames_window": window}
    for margin in (0.0, 0.05, 0.1, 0.2):
        yield "margin", f"{margin:g}", {"margin": margin}


def _steps(scene: Scene, shipped: Rule) -> Iterator[Step]:
    enrolled, references = _USUAL
    for setting, value, changed in tqdm(list(changes(shipped)), desc="numbers", unit=" doors", disable=None):
        rule = replace(shipped, **changed)
        tally = simulate(scene, rule, enrolled, references, _STEP_ENROLMENTS // enrolled, seed=_SEED)
        yield Step(
            setting=setting,
            value=value,
            shipped=rule == shipped,
            fpir=false_positives(tally),
            fnir=false_negatives(tally, _calls(scene)),
        )


def _extrapolated(rows: Sequence[Row]) -> Iterator[Extrapolated]:
    """From the largest household that was simulated, with as many references as usual."""
    for row in rows:
        if (row.people, row.enrolled, row.references) == ("everybody", max(_HOUSEHOLDS), _USUAL[1]):
            for people in _LARGER:
                yield Extrapolated(
                    security=row.security,
                    enrolled=people,
                    references=row.references,
                    from_enrolled=row.enrolled,
                    fpir=round(extrapolate(row.fpir.value, row.enrolled, people), 6),
                    high=round(extrapolate(max(row.fpir.high, row.fpir.bound_high), row.enrolled, people), 6),
                )


def _calls(scene: Scene) -> int:
    """How many different visits the residents can make."""
    return sum(map(len, scene.calls))


def _size(scene: Scene) -> dict[str, int]:
    photographs = sum(map(len, scene.references))
    return {
        "residents": len(scene.residents),
        "resident_visits": _calls(scene),
        "reference_photographs": photographs,
        "strangers": len(scene.strangers),
        "frames": sum(len(frames) for one in scene.calls for frames in one) + sum(map(len, scene.strangers)),
    }
