"""The same test pairs with one picture altered: what rotation, darkness or a mask cost, and whether they open doors."""

from __future__ import annotations

import hashlib
import inspect
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from tqdm import tqdm

from convert import alterations, figures
from convert.alterations import ALTERATIONS
from convert.datasets import Identities, Pair, identities, people_of, read_pairs
from convert.embeddings import CACHE, NOT_ACQUIRED, Device, Embedded, embed_on_device, read_picture, signature
from convert.kept import Arrays, kept
from convert.record import Count, Interval, Made, Share
from convert.records import Records, one_of
from convert.tables import flow, percent, table
from edge.access.policy import level_fmr

NAME: Final = "robustness"
COMMAND: Final = "limen-convert measure robustness"
_SEED: Final = 1


class Altered(Struct, frozen=True, forbid_unknown_fields=True):
    """One alteration. `lost`: pictures without a usable face; `refused`: those the quality gate turns down, by word.

    `tar` and `fmr` at the card's thresholds, by stated FMR: of the genuine pairs, and of every altered picture against
    every picture of somebody else. `passing_tar`: of the genuine pairs whose altered picture passes the gate.
    """

    name: str
    lost: Count
    refused: dict[str, Count]
    accuracy: Interval
    similarity: float
    tar: dict[str, Interval]
    fmr: dict[str, Share]
    passing_tar: dict[str, Interval]


class RobustnessRecord(Made, frozen=True, forbid_unknown_fields=True):
    """`altered` pictures are the second ones of `pairs` pairs; the first ones stay as they are."""

    seed: int
    threshold: float
    levels: dict[str, float]
    pairs: Count
    pictures: Count
    comparisons: Count
    rows: tuple[Altered, ...]


def measure_robustness(images: Path, test: Path, threshold: float, device: Device, data: str) -> RobustnessRecord:
    """Alter the second picture of each test pair. `threshold` is the training pairs'."""
    folds = read_pairs(test, images)
    pairs = tuple(pair for fold in folds for pair in fold)
    people = identities(images, people_of(folds))
    plain = embed_on_device(people.pictures, device)
    probes = tuple(sorted({pair.second for pair in pairs}))
    levels = {f"{step.fmr:g}": step.similarity for step in device.embedder.thresholds}
    pool = Pool(people, plain, probes, pairs)
    rows = tuple(
        judged(name, pool, altered(probes, device, name), threshold, levels)
        for name in tqdm(ALTERATIONS, desc="alterations", disable=None)
    )
    return RobustnessRecord(
        **device.made(data, COMMAND),
        seed=_SEED,
        threshold=threshold,
        levels=levels,
        pairs=len(pairs),
        pictures=len(probes),
        comparisons=int(np.count_nonzero(pool.strangers())),
        rows=rows,
    )


class Pool(NamedTuple):
    """The test people, their plain embeddings, the pictures that are altered, and the pairs."""

    people: Identities
    plain: Embedded
    probes: tuple[Path, ...]
    pairs: tuple[Pair, ...]

    @property
    def rows(self) -> Mapping[Path, int]:
        return {path: row for row, path in enumerate(self.people.pictures)}

    def strangers(self) -> NDArray[np.bool_]:
        """[probes, pictures]: whether the two show different people and the plain picture has a face."""
        owners, rows = np.array(self.people.people), self.rows
        mine = owners[[rows[path] for path in self.probes]]
        usable = np.isfinite(self.plain.vectors).all(axis=1)
        return np.asarray((mine[:, np.newaxis] != owners) & usable)


def altered(probes: Sequence[Path], device: Device, name: str, cache: Path = CACHE) -> Embedded:
    """The pictures after the alteration `name`; a picture without a face to alter is lost."""
    digest = hashlib.sha256(f"{signature(probes, device)} {name} {_SEED}".encode())
    digest.update(inspect.getsource(alterations).encode())
    arrays = kept(cache / f"altered-{digest.hexdigest()[:32]}.npz", len(probes), lambda: _arrays(probes, device, name))
    return Embedded(arrays["vectors"], arrays["words"], device.compare)


def _arrays(probes: Sequence[Path], device: Device, name: str) -> Arrays:
    vectors = np.full((len(probes), device.embedder.output.shape[1]), np.nan, np.float32)
    words = np.full(len(probes), NOT_ACQUIRED, "<U16")
    for row, path in enumerate(tqdm(probes, desc=name, unit=" pictures", disable=None)):
        image = read_picture(path)
        crop = device.crop(image)
        if crop is None:
            continue
        random = np.random.default_rng([_SEED, zlib.crc32(f"{path.parent.name}/{path.name}".encode())])
        vector, words[row] = device(ALTERATIONS[name](image, crop.face, random))
        if vector is not None:
            vectors[row] = vector
    return {"vectors": vectors, "words": words}


def judged(name: str, pool: Pool, found: Embedded, threshold: float, levels: Mapping[str, float]) -> Altered:
    """One line of the table."""
    rows = pool.rows
    probe = {path: row for row, path in enumerate(pool.probes)}
    first = pool.plain.vectors[[rows[pair.first] for pair in pool.pairs]]
    second = [probe[pair.second] for pair in pool.pairs]
    similarities = found.compare.paired(first, found.vectors[second])
    same = np.array([pair.same for pair in pool.pairs])
    passes = same & (found.words[second] == "")
    impostors = np.sort(
        found.compare.against(found.vectors, pool.plain.vectors)[pool.strangers()].astype(np.float64)
    )  # NaN comes last
    lost, refused = found.turned_down()
    return Altered(
        name=name,
        lost=lost,
        refused=refused,
        accuracy=_share(figures.correct_pairs(similarities, same, threshold), len(same)),
        similarity=round(float(np.nanmedian(similarities[same])), 4),
        tar={fmr: _reaching(similarities[same], limit) for fmr, limit in levels.items()},
        fmr={
            fmr: round(float(np.count_nonzero(impostors >= limit)) / len(impostors), 9) for fmr, limit in levels.items()
        },
        passing_tar={fmr: _reaching(similarities[passes], limit) for fmr, limit in levels.items()},
    )


def _reaching(similarities: NDArray[np.float64], limit: float) -> Interval:
    return _share(int(np.count_nonzero(similarities >= limit)), len(similarities))


def _share(events: int, trials: int) -> Interval:
    if not trials:
        return Interval(value=0.0, low=0.0, high=1.0)
    return figures.wilson(events, trials).rounded()


def section(records: Records) -> str:
    """The table for docs/accuracy.md."""
    record = one_of(records, NAME, RobustnessRecord)
    if record is None:
        return ""
    level = f"{level_fmr('balanced'):g}"
    rows = [_line(row, level) for row in record.rows]
    heads = (
        "second picture",
        "no face",
        "turned down by the gate",
        "median of one person",
        "accuracy",
        "TAR",
        "of those that pass",
        "FMR",
    )
    return flow(f"""\
## Robustness

Made by `{record.command}`. The {record.pairs:,} test pairs again, each with its second picture altered
({record.pictures:,} different pictures); the first stays as it is, like a reference. *Accuracy* with the threshold of
the plain training pairs ({record.threshold:.3f}), *TAR* of the genuine pairs at `balanced`
({record.levels[level]:.3f}), of all and of those whose altered picture passes the gate, both with Wilson's intervals;
*FMR* at the same threshold, of every altered picture against all pictures of other people
({record.comparisons:,} comparisons). A picture without a face counts as told wrong and as not accepted; what the gate
turns down is measured all the same, although the door would wait for a better frame.

{table(heads, rows)}

{_highest(record, level)} {_REMARKS}""")


def _line(row: Altered, level: str) -> tuple[str, ...]:
    passing = row.passing_tar[level]
    return (
        row.name,
        str(row.lost),
        ", ".join(f"{count} `{word}`" for word, count in row.refused.items()) or "none",
        f"{row.similarity:.3f}",
        percent(row.accuracy),
        percent(row.tar[level]),
        percent(passing) if passing.high < 1 else "too few",
        f"{row.fmr[level]:.2g}",
    )


def _highest(record: RobustnessRecord, level: str) -> str:
    plain, highest = record.rows[0], max(record.rows, key=lambda row: row.fmr[level])
    more = highest.fmr[level] / max(plain.fmr[level], 1e-12)
    if more <= 1.5:
        return "None of this makes a stranger look like somebody else: no FMR is clearly above the unaltered pictures'."
    return (
        f"The highest FMR, {highest.fmr[level]:.2g} with {highest.name}, is {more:.1f} times the unaltered pictures'."
    )


_REMARKS: Final = """\
Turning is by warping along the mesh's depth, masks and glasses are painted: real ones differ. LFW's pictures are sharp,
bright and about 90 pixels wide at the face; half size is below the gate's 60."""
