"""Pictures of people: one folder for each person, and pairs files in the format of Labeled Faces in the Wild.

Nothing is skipped in silence: a pair whose picture is missing is an error that names the picture. A figure made from
what happened to be there would be a better figure than the true one.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from convert.errors import ConversionError

_PICTURES: Final = {".jpg", ".jpeg", ".png"}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures, and whether they show the same person."""

    first: Path
    second: Path
    same: bool

    @property
    def people(self) -> tuple[str, str]:
        return self.first.parent.name, self.second.parent.name


Fold = tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Identities:
    """All pictures of some people: `people[i]` is the index in `names` of whom `pictures[i]` shows, ascending."""

    names: tuple[str, ...]
    pictures: tuple[Path, ...]
    people: tuple[int, ...]


def read_pairs(file: Path, images: Path) -> tuple[Fold, ...]:
    """The folds of a pairs file whose pictures lie in `images`: `NAME/NAME_0001.jpg`.

    View 1 of LFW is one fold: a line `N`, then N lines `name n m` of one person and N lines `name n other m` of two.
    View 2 begins with a line `FOLDS N` and repeats that for each fold. Raises ConversionError naming file and line.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConversionError(f"{file}: cannot be read: {error}") from None
    header = lines[0].split() if lines else []
    if len(header) not in {1, 2} or not all(word.isdecimal() and int(word) > 0 for word in header):
        raise ConversionError(f"{file}: line 1: expected `N` or `FOLDS N`, not {' '.join(header)!r}")
    folds, size = (1, int(header[0])) if len(header) == 1 else (int(header[0]), int(header[1]))
    rows = lines[1:]
    if len(rows) != folds * 2 * size:
        raise ConversionError(f"{file}: line 1 promises {folds * 2 * size} pairs, the file has {len(rows)}")
    pairs = [_pair(row.split(), f"{file}: line {number}", images) for number, row in enumerate(rows, 2)]
    for number, pair in enumerate(pairs):
        if pair.same != (number % (2 * size) < size):
            raise ConversionError(
                f"{file}: line {number + 2}: a pair of {'one person' if pair.same else 'two people'} among the others"
            )
    return tuple(tuple(pairs[start : start + 2 * size]) for start in range(0, len(pairs), 2 * size))


def split_folds(fold: Fold, count: int) -> tuple[Fold, ...]:
    """One fold as `count`, in the file's order, the same and different pairs shared out evenly.

    The file is in alphabetical order, so that a person's pairs mostly fall into one fold.
    """
    kinds = ([pair for pair in fold if pair.same], [pair for pair in fold if not pair.same])
    cuts = [[len(kind) * step // count for step in range(count + 1)] for kind in kinds]
    return tuple(
        tuple(pair for kind, cut in zip(kinds, cuts, strict=True) for pair in kind[cut[index] : cut[index + 1]])
        for index in range(count)
    )


def people_of(folds: Iterable[Fold]) -> tuple[str, ...]:
    """Everybody in the pairs, by name."""
    return tuple(sorted({name for fold in folds for pair in fold for name in pair.people}))


def everybody(images: Path) -> tuple[str, ...]:
    """Everybody with a folder in `images`, by name. Raises ConversionError where fewer than two have one."""
    names = sorted(folder.name for folder in images.iterdir() if folder.is_dir() and not folder.name.startswith("."))
    if len(names) < 2:
        raise ConversionError(f"{images}: one folder for each of at least two people is wanted, here are {len(names)}")
    return tuple(names)


def pictured(folds: Iterable[Fold]) -> Identities:
    """Only the pictures that stand in the pairs, and whose they are."""
    pictures = sorted({path for fold in folds for pair in fold for path in (pair.first, pair.second)})
    names = sorted({path.parent.name for path in pictures})
    place = {name: index for index, name in enumerate(names)}
    pictures.sort(key=lambda path: (place[path.parent.name], path.name))
    return Identities(tuple(names), tuple(pictures), tuple(place[path.parent.name] for path in pictures))


def read_groups(file: Path, names: Sequence[str]) -> Mapping[str, str]:
    """A CSV file `name,group`, with that first line: whose group is which. Raises ConversionError naming the line."""
    try:
        with file.open(encoding="utf-8", newline="") as text:
            rows = list(csv.reader(text))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConversionError(f"{file}: cannot be read: {error}") from None
    if not rows or rows[0] != ["name", "group"]:
        raise ConversionError(f"{file}: line 1: expected `name,group`")
    groups: dict[str, str] = {}
    for number, row in enumerate(rows[1:], 2):
        if len(row) != 2 or not all(row):
            raise ConversionError(f"{file}: line {number}: expected a name and a group, not {','.join(row)!r}")
        name, group = row
        if name not in names:
            raise ConversionError(f"{file}: line {number}: {name} has no folder of pictures")
        if groups.setdefault(name, group) != group:
            raise ConversionError(f"{file}: line {number}: {name} is in {groups[name]} already")
    return groups


def identities(images: Path, names: Sequence[str]) -> Identities:
    """All pictures of the people `names`. Raises ConversionError for somebody without a folder or a picture."""
    pictures: list[Path] = []
    people: list[int] = []
    for index, name in enumerate(names):
        found = sorted(_pictures(images / name))
        if not found:
            raise ConversionError(f"{images / name}: no picture of {name}")
        pictures += found
        people += [index] * len(found)
    return Identities(tuple(names), tuple(pictures), tuple(people))


def _pictures(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in folder.iterdir() if path.suffix.lower() in _PICTURES)


def _pair(words: list[str], where: str, images: Path) -> Pair:
    if len(words) == 3:
        name, first, second = words
        return Pair(_picture(name, first, where, images), _picture(name, second, where, images), same=True)
    if len(words) == 4:
        name, first, other, second = words
        if name == other:
            raise ConversionError(f"{where}: two people are wanted, both are {name}")
        return Pair(_picture(name, first, where, images), _picture(other, second, where, images), same=False)
    raise ConversionError(f"{where}: expected `name n m` or `name n other m`, not {' '.join(words)!r}")


def _picture(name: str, number: str, where: str, images: Path) -> Path:
    if Path(name).name != name or not number.isdecimal():
        raise ConversionError(f"{where}: {name!r} {number!r} is not a person and a picture's number")
    path = images / name / f"{name}_{int(number):04d}.jpg"
    if not path.is_file():
        raise ConversionError(f"{where}: {path} is missing")
    return path
