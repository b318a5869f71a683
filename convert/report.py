"""docs/accuracy.md and its pictures, from the evaluation record and nothing else: no figure there is typed by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, get_args

from convert import detectors_section, door_section, lookalikes, people, quantization_section, robustness
from convert.charts import det, histogram, roc
from convert.errors import ConversionError
from convert.record import FILE, RULE_OF_30, Level, Record, read_records
from convert.records import Records, records_of
from convert.release import write_file
from convert.tables import one_in, percent, small, table
from edge.access.policy import level_fmr
from edge.settings import VisionSettings
from edge.vision.cards import read_card

_SECURITY: Final = Literal["convenience", "balanced", "strict"]
_COMMAND: Final = "`LIMEN_DATA=… make evaluate`"

# What each kind of record in models/records/ adds to the page, in this order: "" where there is none for these bytes.
_SECTIONS: Final[Sequence[Callable[[Records], str]]] = (
    quantization_section.section,
    people.section,
    door_section.section,
    lookalikes.section,
    robustness.section,
    detectors_section.section,
)
_DRAWINGS: Final[Sequence[Callable[[Records], Mapping[str, str]]]] = (
    quantization_section.drawings,
    door_section.drawings,
)


def write_report(models: Path, docs: Path) -> tuple[Path, ...]:
    """Write the page and its pictures into `docs`; the files written. Raises ConversionError without a record."""
    files = {docs / name: text for name, text in pages(models).items()}
    for path, text in files.items():
        write_file(path, text.encode())
    return tuple(files)


def pages(models: Path) -> Mapping[str, str]:
    """What stands in docs/, file by file, for the embedder released in `models`."""
    records = read_records(models)
    cards = [read_card(path) for path in sorted(models.glob("*.json")) if path.name != FILE]
    cards.sort(key=lambda card: card.name != VisionSettings().embedder)  # the page is about the door's own default
    record = next((records[card.sha256] for card in cards if card.sha256 in records), None)
    if record is None:
        raise ConversionError(f"{models / FILE}: has no record of an embedder in {models}; `make evaluate` makes one")
    others = records_of(models, record.models["embedder"])
    return {
        "accuracy.md": _page(record, {card.sha256: card.name for card in cards}, others),
        **{f"pictures/{name}": text for draw in _DRAWINGS for name, text in draw(others).items()},
        "pictures/det.svg": det(record),
        "pictures/roc.svg": roc(record),
        "pictures/similarities.svg": histogram(record),
    }


def _page(record: Record, names: Mapping[str, str], others: Records) -> str:
    own = (_opening(record, names), _thresholds(record), _figures(record), _pictures(), _acquisition(record))
    more = (text for text in (section(others) for section in _SECTIONS) if text)
    return "\n\n".join([*own, *more, _OWN, _LIMITS]) + "\n"


def _opening(record: Record, names: Mapping[str, str]) -> str:
    rows = [(role, f"`{names.get(sha256, '?')}.tflite`", f"`{sha256[:12]}…`") for role, sha256 in record.models.items()]
    return f"""\
# Accuracy

Written by `limen-convert report` from [{FILE}](../models/{FILE}); do not edit. Every figure was made by
{_COMMAND} with the shipped files, through the code that runs at the door (detect, examine,
align, embed) with {record.runtime} on {record.machine}. Intervals are 95 %.

*Similarity* is the cosine of two embeddings. *FMR*, the false match rate: the share of comparisons of two different
people that reach a threshold. *TAR*, the true accept rate: the share of comparisons of one person that do.

{table(("part", "file", "sha256"), rows)}

The pictures are Labeled Faces in the Wild ({record.data}, deep-funneled): all pictures of the {record.train.people:,}
people in `pairsDevTrain` for the thresholds, and of the {record.test.people:,} other people in `pairsDevTest` for the
figures. Nobody is in both. In each picture the face nearest to the middle is meant."""


def _thresholds(record: Record) -> str:
    rows = [
        (
            _level_name(level.fmr),
            one_in(level.fmr),
            f"**{level.similarity:.4f}**",
            f"{level.low:.3f} - {level.high:.3f}",
            _pairs_behind(level.impostors),
            f"{level.couple / max(1, level.impostors):.0%}",
            small(level.test_fmr),
            percent(level.test_tar),
        )
        for level in record.levels
    ]
    heads = ("level", "FMR", "similarity", "95 % of draws", "training pairs above")
    shown = table((*heads, "from the same two people", "FMR on the test people", "TAR on the test people"), rows)
    return f"""\
## Thresholds

The similarity from which one comparison counts as a detection, chosen so that at most the stated share of all
{record.train.impostors:,} impostor pairs of the training people reaches it; then tried on the test people.

{shown}

*95 % of draws*: where the threshold falls when the training people are drawn anew, with replacement.
*From the same two people*: people with many pictures weigh heavily when every picture meets every other one, and two of
them may look alike.{_couple(record.levels)}
That makes the thresholds stricter than they would be without, never laxer."""


def _figures(record: Record) -> str:
    pairs = record.pairs
    everybody = f"{record.test.genuine:,} genuine, {record.test.impostors:,} impostor pairs"
    rows = [
        ("accuracy, threshold from the training pairs", f"{pairs.pairs} pairs", percent(pairs.accuracy)),
        (
            f"accuracy, {pairs.folds} folds (mean ± standard error)",
            f"{pairs.pairs} pairs",
            f"{pairs.folds_accuracy:.2%} ± {pairs.folds_error:.2%}",
        ),
        *(
            (
                f"TAR at FMR {one_in(point.fmr)}, all-against-all",
                f"{everybody}; {_pairs_behind(point.impostors)} above",
                percent(point.tar),
            )
            for point in record.points
        ),
    ]
    return f"""\
## Figures

{table(("what", "on", "result"), rows)}

The accuracy's interval is Wilson's. The others come from drawing the people anew, with replacement: pairs of one person
are alike, and counting them as independent would make the intervals far too narrow. Here TAR is at the test people's
own thresholds, as such figures are usually published; the table above has it at the card's."""


def _pictures() -> str:
    return """\
![TAR over FMR on the test people](pictures/roc.svg)

![FNMR over FMR on the test people, both logarithmic; dots: the card's thresholds](pictures/det.svg)

![Similarities of genuine and impostor pairs, with the card's thresholds](pictures/similarities.svg)"""


def _acquisition(record: Record) -> str:
    words = sorted({word for part in (record.train, record.test) for word in part.refused})
    rows = [
        (name, f"{part.images:,}", str(part.not_acquired), *(str(part.refused.get(word, 0)) for word in words))
        for name, part in (("training", record.train), ("test", record.test))
    ]
    shown = table(("people", "pictures", "no usable face", *(f"`{word}`" for word in words)), rows)
    return f"""\
## Pictures the door would not have judged

{shown}

A picture without a usable face counts against the result: its pairs are told wrong in the accuracy, and missed in the
TAR. The words are those of the quality gate; such pictures are *not* left out of any figure above, although the door
would wait for a better frame. Portraits that are already upright and centred say nothing about how often a face in
front of a camera is found."""


_OWN: Final = """\
## Your own figures

With a folder of pictures for each person; nothing in the models folder changes:

```sh
limen-convert evaluate --images ALBUM --json figures.json
limen-convert evaluate --images ALBUM --json figures.json --groups groups.csv --model another/card.json
limen-convert evaluate --images ALBUM --json figures.json --pairs pairs.txt
limen-convert evaluate --images ALBUM --json figures.json --program "limen probe --stdin --rule centre"
```

Everybody is compared with everybody, or the pairs of a file in LFW's format, where a missing picture is an error that
names it. `groups.csv` (`name,group`) adds a row for each group; `--program` measures anything that answers as
`limen probe` does."""

_LIMITS: Final = """\
## What these figures do not say

- **Figures of one comparison are not the door's error rates.** A visit is decided over several frames, against several
  references of several people, and visits made of photographs are not people in front of a camera.
- **Strangers here are random, and LFW's are mostly white men.** A door meets people who look alike: relatives, and
  people of one group. The card has no figures for groups, because no picture here has a label. An external caution,
  measured once with this network on another, labelled set (crops with the forehead masked; not made by the command
  above and not repeatable from this project): the share of impostor pairs *within one group* above the similarity 0.53,
  which gave an FMR of 0.0001 on LFW, was

  | group | share |
  |---|---|
  | white men | 0.0003 |
  | white women | 0.001 |
  | Asian men | 0.004 |
  | Asian, Indian and Black women | 0.008 - 0.009 |
  | **children up to 12** | **0.32** |

  So expect of `balanced` up to one in a hundred among people of one group rather than one in ten thousand, choose
  `strict` where that matters, and **do not let a child's face open a door alone**.
- **A few people are in LFW under two names.** They count as impostors here: again stricter, not laxer.
- **Nothing here is about photographs, screens and masks.** A single colour camera without a liveness check opens to a
  good photograph of a resident.
"""


def _couple(levels: Sequence[Level]) -> str:
    worst = max(levels, key=lambda level: level.couple / max(1, level.impostors), default=None)
    if worst is None or worst.couple * 2 < worst.impostors:
        return ""
    return f" At {one_in(worst.fmr)} two people alone make {worst.couple:,} of the {worst.impostors:,} pairs above."


def _level_name(fmr: float) -> str:
    names = [name for name in get_args(_SECURITY) if level_fmr(name) == fmr]
    return f"`{names[0]}`" if names else "none: marks an attempt"


def _pairs_behind(count: int) -> str:
    return f"{count:,}" if count >= RULE_OF_30 else f"{count:,} (few: below {RULE_OF_30} a rate is hardly known)"
