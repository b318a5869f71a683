"""The detectors' part of docs/accuracy.md, from `models/records/detectors.json`."""

from __future__ import annotations

from convert.detectors import NAME, Chain, DetectorsRecord, Downstream
from convert.records import Records, one_of
from convert.tables import percent, small, table


def section(records: Records) -> str:
    record = one_of(records, NAME, DetectorsRecord)
    return "" if record is None else "\n\n".join((_opening(record), _tables(record), _clips(record), _REMARKS))


def _opening(record: DetectorsRecord) -> str:
    drawn = record.scatter
    near, light = (f"{low:g}-{high:g}" for low, high in (drawn.face, drawn.light))
    return f"""\
## Detectors

Made by `{record.command}` with {record.runtime} and OpenCV {record.opencv}. `vision.detector` has three
choices; whichever finds a face, the mesh confirms it and its five points align it, unless `vision.points: detector`
takes MTCNN's own. All {record.pictures:,} pictures of the test people, *plain* as they are (upright and centred, which
flatters every detector) and *scattered* over frames of 640 x 480: the face {near} pixels wide, anywhere,
tilted up to {drawn.tilt[1]:g}°, blurred by up to {drawn.blur[1]:g} pixels, at {light} of its light,
with noise of up to {drawn.noise[1]:g} levels; seed {drawn.seed}."""


def _tables(record: DetectorsRecord) -> str:
    finding = [
        (
            _name(chain),
            str(chain.plain.lost),
            str(chain.unboxed),
            str(chain.scattered.lost),
            str(chain.elsewhere),
            f"{chain.milliseconds:.1f}",
            f"{chain.ratio:.2f}",
        )
        for chain in record.chains
    ]
    after = [(_name(chain), "plain", *_figures(chain.plain)) for chain in record.chains]
    after += [(_name(chain), "scattered", *_figures(chain.scattered)) for chain in record.chains]
    heads = (
        "no face, plain",
        "no box, scattered",
        "no face, scattered",
        "faces elsewhere",
        "ms a frame",
        "of BlazeFace's",
    )
    figures = ("accuracy", "TAR at FMR 1 in 10,000", "TAR at `balanced`", "FMR at `balanced`")
    return f"""\
{table(("detector", *heads), finding)}

*No face*: none that the mesh believes; *no box*: the detector gave none around the face; *elsewhere*: believed faces at
other places, mostly people in the background. *Ms a frame*: the detector alone on a frame of 640 x 480, median of
{record.timed} frames, scattered ones and the clips', in turns on one thread ({record.machine}); of another machine at
most the ratio to BlazeFace's says anything.

{table(("detector", "pictures", *figures), after)}

What comes of the faces: accuracy of the {record.pairs:,} pairs over folds with its standard error, TAR of all against
all where the same pictures' impostors give that FMR, and TAR and FMR at the threshold that the card has for `balanced`
({record.threshold:.4f}), which was derived with BlazeFace. A picture without a face counts as told wrong and as not
accepted; what the quality gate would turn down is measured all the same."""


def _figures(part: Downstream) -> tuple[str, ...]:
    accuracy = f"{part.accuracy:.2%} ± {part.error:.2%}"
    return accuracy, percent(part.own_tar), percent(part.tar), small(part.fmr)


def _clips(record: DetectorsRecord) -> str:
    clips = zip(*(chain.clips for chain in record.chains), strict=True)
    rows = [(one[0].name, str(one[0].frames), *(f"{clip.believed} / {clip.embedded}" for clip in one)) for one in clips]
    if not rows:
        return "The clips were not there."
    return f"""\
Frames of the clips in which a face is believed / is good enough to be compared, with the door's own settings:

{table(("what is seen", "frames", *map(_name, record.chains)), rows)}"""


def _name(chain: Chain) -> str:
    return f"`{chain.detector}`" + (", own points" if chain.points == "detector" else "")


_REMARKS = """\
The scattered frames are one grey around the portrait: a furnished room gives a detector more to be wrong about, and
takes MTCNN and Haar longer. Haar knows upright, frontal faces only."""
