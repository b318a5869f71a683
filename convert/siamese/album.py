"""A folder of people, one folder for each, as it really is: what is no picture is told, and what cannot be used stops.

Takes folders as people make them, LFW (`NAME/NAME_0001.jpg`) and AT&T (`s1/1.pgm`). Nothing is left out in silence.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from tqdm import tqdm

from convert.datasets import Identities
from convert.errors import ConversionError

PICTURES: Final = frozenset({".jpg", ".jpeg", ".png", ".pgm", ".ppm", ".bmp", ".webp"})
_SIDES: Final = range(16, 16_385)  # smaller than this there is no face, larger than this OpenCV samples nothing
_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Album:
    """`people` and their pictures, the sha256 of each picture, and `notes` on what was left out or looks wrong.

    `linked` are pairs of people (indices into `people.names`) who share a picture: they must not be kept apart.
    """

    people: Identities
    digests: Mapping[Path, str]
    linked: tuple[tuple[int, int], ...]
    notes: tuple[str, ...]


def scan(folder: Path) -> Album:
    """Read every picture once. Raises ConversionError when there is nothing to learn from."""
    notes: list[str] = []
    names: list[str] = []
    pictures: list[Path] = []
    owners: list[int] = []
    digests: dict[Path, str] = {}
    for person in tqdm(_folders(folder, notes), desc="reading", unit=" people", disable=None):
        found = _pictures(person, notes)
        if not found:
            notes.append(f"{person.name}: no usable picture; left out")
            continue
        owners += [len(names)] * len(found)
        names.append(person.name)
        pictures += found
        digests |= found
    people = Identities(tuple(names), tuple(pictures), tuple(owners))
    _enough(folder, people, notes)
    linked = _shared(people, digests, notes)
    return Album(people, digests, linked, tuple(notes))


def briefly(things: Sequence[str]) -> str:
    """The first few of many, and how many more."""
    more = f" and {len(things) - _NAMED} more" if len(things) > _NAMED else ""
    return ", ".join(things[:_NAMED]) + more


def _folders(folder: Path, notes: list[str]) -> list[Path]:
    """The people's folders. The same name in two ways of writing it (é as one letter, or as e and accent) is no two."""
    try:
        inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise ConversionError(f"{folder}: cannot be read: {error.strerror}") from None
    people = [path for path in inside if not _loops(path, folder, path.name, notes) and path.is_dir()]
    if not people:
        raise ConversionError(f"{folder}: no folders in it; one folder of pictures for each person is wanted")
    known: dict[str, Path] = {}
    for path in people:
        other = known.setdefault(unicodedata.normalize("NFC", path.name), path)
        if other != path:
            raise ConversionError(f"{folder}: {path.name} is there twice, its letters encoded in two ways: rename one")
    return people


def _loops(path: Path, folder: Path, shown: str, notes: list[str]) -> bool:
    """Whether a link, called `shown`, leads nowhere, or back to where it came from."""
    if not path.is_symlink():
        return False
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):  # of a link to itself, by Python's version
        notes.append(f"{shown}: a link that leads nowhere or to itself; left out")
        return True
    if folder.resolve().is_relative_to(target):
        notes.append(f"{shown}: a link back to the folder it is in; left out")
        return True
    return False


def _pictures(person: Path, notes: list[str]) -> dict[Path, str]:
    """The usable pictures of one folder, with their sha256."""
    found: dict[Path, str] = {}
    try:
        inside = sorted(path for path in person.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise ConversionError(f"{person}: cannot be read: {error.strerror}") from None
    for path in inside:
        shown = f"{person.name}/{path.name}"
        if _loops(path, person, shown, notes):
            continue
        if path.is_dir():
            notes.append(f"{shown}: a folder in a person's folder; left out")
        elif path.suffix.lower() not in PICTURES:
            notes.append(f"{shown}: not a picture by its name; left out")
        else:
            digest, problem = _examine(path)
            if problem:
                notes.append(f"{shown}: {problem}; left out")
            elif digest in found.values():
                notes.append(f"{shown}: the same picture is in this folder already; left out")
            else:
                found[path] = digest
    return found


def _examine(path: Path) -> tuple[str, str]:
    """The sha256 of a picture, and what is wrong with it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return "", f"cannot be read: {error.strerror}"
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE) if content else None
    if image is None:
        return "", "not a picture, whatever its name says"
    height, width = image.shape[:2]
    if height not in _SIDES or width not in _SIDES:
        return "", f"{width} x {height} pixels; {_SIDES.start} to {_SIDES.stop - 1} a side can be used"
    return hashlib.sha256(content).hexdigest(), ""


def _enough(folder: Path, people: Identities, notes: list[str]) -> None:
    counts = np.bincount(people.people, minlength=len(people.names)) if people.names else np.zeros(0, int)
    single = [name for name, count in zip(people.names, counts.tolist(), strict=True) if count == 1]
    if len(people.names) < 2:
        reasons = f" ({briefly(notes)})" if notes else ""
        found = "one person has" if people.names else "nobody has"
        raise ConversionError(f"{folder}: {found} pictures that can be used; two people are the least{reasons}")
    if len(single) == len(people.names):
        raise ConversionError(
            f"{folder}: one picture of everybody; two of a person are needed to learn what they have in common"
        )
    if single:
        notes.append(f"{len(single)} people with one picture only serve as somebody else: {briefly(single)}")


def _shared(people: Identities, digests: Mapping[Path, str], notes: list[str]) -> tuple[tuple[int, int], ...]:
    """Pairs of people in whose folders lies one and the same picture."""
    first: dict[str, int] = {}
    linked = []
    for index, path in enumerate(people.pictures):
        before = first.setdefault(digests[path], index)
        if before != index:
            other = people.pictures[before]
            linked.append((people.people[before], people.people[index]))
            notes.append(
                f"the same picture is in two people's folders: {other.parent.name}/{other.name} and "
                f"{path.parent.name}/{path.name}"
            )
    return tuple(linked)
