"""The test people once more: precision and recall, open-set identification, and the pairs that were told worst."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from convert.datasets import identities, people_of, pictured, read_pairs
from convert.embeddings import Device, embed_on_device
from convert.extremes import Extreme
from convert.measurement import Judged, Measurement, by_everybody, by_pairs
from convert.records import Records, one_of
from convert.tables import flow, one_in, percent, table

NAME: Final = "people"
COMMAND: Final = "limen-convert measure people"


class PeopleRecord(Struct, frozen=True, forbid_unknown_fields=True):
    data: str
    command: str
    pairs: Measurement
    everybody: Measurement


def measure_people(images: Path, test: Path, device: Device, data: str) -> PeopleRecord:
    """The pairs of one pairs file, and all pictures of the people in it."""
    folds = read_pairs(test, images)
    judged = Judged.of(device)
    people, named = identities(images, people_of(folds)), pictured(folds)
    found = embed_on_device(people.pictures, device)
    return PeopleRecord(
        data=data,
        command=COMMAND,
        pairs=by_pairs(folds, named, found.of(people.pictures, named.pictures), judged, images),
        everybody=by_everybody(people, found, judged, images, device.embedder.thresholds),
    )


def section(records: Records) -> str:
    """The tables for docs/accuracy.md."""
    record = one_of(records, NAME, PeopleRecord)
    if record is None or record.pairs.pairs is None:
        return ""
    pairs, acquired, every = record.pairs.pairs, record.everybody.acquisition, record.everybody
    rows = [
        (f"{pairs.pairs:,} pairs, {pairs.folds} folds", "precision", f"{pairs.precision:.2%}"),
        ("", "recall", f"{pairs.recall:.2%}"),
        ("", "F1", f"{pairs.f1:.2%}"),
        (f"{acquired.pictures:,} pictures", "failure to acquire", percent(acquired.failure_to_acquire)),
    ]
    if every.open_set is not None:
        known = every.open_set
        of_whom = f"{known.enrolled:,} enrolled by one picture, {known.probes:,} probes, {known.others:,} of others"
        for point in known.points:
            rows.append((of_whom, f"TPIR at FPIR {one_in(point.fpir)}", percent(point.tpir)))
            of_whom = ""
    return flow(f"""\
## More figures of the test people

Made by `{record.command}`. *Precision*: of the pairs told to be one person, those that are; *recall*: of
the pairs of one person, those told so; each fold with the threshold of the others. *TPIR*, open set: the share of
probes of the enrolled that find their own person first, at the similarity that the stated share of probes of everybody
else reaches with somebody.

{table(("on", "what", "result"), rows)}

<details><summary>The {len(every.worst_genuine)} worst pairs of one person, and of two</summary>

At most one pair of each person, or of the same two people. Some are errors of the labels: two names for one person, or
one name for two.

{_worst(every.worst_genuine, every.worst_impostors)}

</details>""")


def _worst(genuine: Sequence[Extreme], impostors: Sequence[Extreme]) -> str:
    rows = [
        (*_files(one), f"{one.similarity:.3f}", *_files(two), f"{two.similarity:.3f}")
        for one, two in zip(genuine, impostors, strict=False)
    ]
    return table(("one person", "", "similarity", "two people", "", "similarity"), rows)


def _files(pair: Extreme) -> tuple[str, str]:
    return Path(pair.first).name, Path(pair.second).name
