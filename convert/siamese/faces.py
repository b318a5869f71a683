"""From pictures, or a camera, to one aligned face each: found, judged and cut by the door's own code.

What the door's quality gate would refuse is left out, and told by its reason.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from convert.embeddings import NOT_ACQUIRED, Device
from convert.errors import ConversionError
from convert.release import write_file
from convert.siamese.album import PICTURES, briefly
from convert.siamese.crops import TEMPLATE, read_colour
from edge.camera.camera import make_source
from edge.clock import Clock, SystemClock
from edge.errors import CameraError, ConfigError
from edge.settings import CameraSettings
from edge.vision.align import TEMPLATES, align

SHEET: Final = "sheet.jpg"
UNREADABLE: Final = "unreadable"
_OTHER, _LINK, _NESTED = "not a picture by its name", "a link to a folder", "a folder in a person's folder"
_CELL, _COLUMNS, _ROWS = 96, 12, 20  # of the preview sheet, which shows the first 240 faces
_BETWEEN: Final = 0.4  # seconds between two pictures of a camera or a film: people move a little meanwhile
_NEW: Final = 3.0  # mean grey levels by which a captured face differs from the one before: a still camera is no crowd

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Cutting:
    """How many faces were written into `out`, and which pictures gave none, by the gate's word."""

    out: Path
    faces: int
    left_out: Mapping[str, Sequence[str]]


def cut_folder(folder: Path, out: Path, device: Device, size: int) -> Cutting:
    """A face of each picture in `folder`, or in its folders of people, as `out/PERSON/NAME.png`, and a preview sheet.

    A picture that was cut before is cut again. Raises ConversionError when there is no picture, or no face at all.
    """
    if out.resolve().is_relative_to(folder.resolve()):
        raise ConversionError(f"{out}: lies in the pictures' own folder: name another --out")
    left_out = defaultdict[str, list[str]](list)
    pictures = list(_pictures(folder, left_out))
    if not pictures:
        raise ConversionError(f"{folder}: no pictures ({' '.join(sorted(PICTURES))}), neither here nor one folder down")
    shown: list[Picture] = []
    faces = 0
    for path in tqdm(pictures, desc="faces", unit=" pictures", disable=None):
        image = read_colour(path)
        face, word = (None, UNREADABLE) if image is None else good_face(image, device, size)
        if face is None:
            left_out[word].append(f"{path.parent.name}/{path.name}")
            continue
        # Two files may differ in their suffix only.
        _write(out / path.parent.name / f"{path.stem}-{path.suffix[1:].lower()}.png", face)
        faces += 1
        shown += [face] if len(shown) < _COLUMNS * _ROWS else []
    return _with_sheet(Cutting(out, faces, left_out), shown, str(folder))


def capture(source: str, name: str, out: Path, count: int, device: Device, size: int, clock: Clock) -> Cutting:
    """`count` faces from a camera, a film or a folder (as in `camera.source`), as `out/NAME/0001.png` and so on.

    Ends when there are enough, or with the recording. Numbers go on after those that are there. Raises ConversionError
    without a camera, or without a face.
    """
    if Path(name).name != name or name.startswith("."):
        raise ConversionError(f"{name!r}: NAME is that of one folder in --out")
    taken = [int(path.stem) for path in (out / name).glob("*.png") if path.stem.isdecimal()]
    left_out = defaultdict[str, list[str]](list)
    shown: list[Picture] = []
    with tqdm(total=count, desc=f"faces of {name}", unit=" faces", disable=None) as progress:
        for number, image in enumerate(_frames(source, clock), 1):
            face, word = good_face(image, device, size)
            if face is None:
                left_out[word].append(f"picture {number}")
                progress.set_postfix_str(word.replace("_", " "))
            elif not shown or float(np.abs(face.astype(int) - shown[-1]).mean()) >= _NEW:
                shown.append(face)
                _write(out / name / f"{max(taken, default=0) + len(shown):04d}.png", face)
                progress.update()
            if len(shown) == count:
                break
    return _with_sheet(Cutting(out, len(shown), left_out), shown[: _COLUMNS * _ROWS], source)


def good_face(image: Picture, device: Device, size: int) -> tuple[Picture | None, str]:
    """RGB uint8 [size, size, 3] of a BGR picture; None and the gate's word where the door would turn it down."""
    crop = device.crop(image)
    if crop is None or crop.face.landmarks is None:
        return None, NOT_ACQUIRED
    word = device.measure(crop).refusal
    return (None, word) if word else (align(image, crop.face.landmarks, TEMPLATES[TEMPLATE], size), "")


def _pictures(folder: Path, left_out: Mapping[str, list[str]]) -> list[Path]:
    """Those in the folder, then those in the folders in it; what a link leads to is not followed."""
    inside, found = _inside(folder), []
    people = [path for path in inside if path.is_dir() and not path.is_symlink()]
    for path in (*inside, *(path for person in people for path in _inside(person))):
        if path.is_dir():
            why = _LINK if path.is_symlink() else "" if path in people else _NESTED
        else:
            why = "" if path.suffix.lower() in PICTURES else _OTHER
            found += [] if why else [path]
        if why:
            left_out[why].append(f"{path.parent.name}/{path.name}")
    return found


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise ConversionError(f"{folder}: cannot be read: {error.strerror}") from None


class _Tape(SystemClock):
    """The time of a recording: it passes with the pictures, so that nobody waits and a slow machine misses none."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += max(0.0, seconds)


def _frames(source: str, clock: Clock) -> Iterator[Picture]:
    """Every picture of a folder, otherwise one every 0.4 s, by a recording's own time. ConversionError without any."""
    kind = source.partition(":")[0]
    between = 0.0 if kind == "dir" else _BETWEEN
    clock = _Tape() if kind in {"dir", "file"} else clock
    try:
        camera = make_source(CameraSettings(source=source), clock, Path.cwd())
    except ConfigError as error:
        raise ConversionError(f"--source {source}: {error}") from None
    due = clock.now()
    try:
        camera.open()
        while (picture := camera.read()) is not None:
            image = _believed(picture)
            if image is not None and clock.now() >= due:
                due = clock.now() + between
                yield image
    except CameraError as error:
        raise ConversionError(f"--source {source}: {error}") from None
    finally:
        camera.close()


def _believed(picture: NDArray[Any]) -> Picture | None:
    return picture if picture.ndim == 3 and picture.shape[2] == 3 and picture.dtype == np.uint8 else None


def told(cutting: Cutting) -> list[str]:
    """What was left out, a note for each reason."""
    reasons = sorted(cutting.left_out.items())
    return [f"{len(names)} left out, {word.replace('_', ' ')}: {briefly(names)}" for word, names in reasons]


def _with_sheet(cutting: Cutting, shown: list[Picture], source: str) -> Cutting:
    if not shown:
        raise ConversionError(
            f"{source}: no face that the door would take ({'; '.join(told(cutting)) or 'no picture came'})"
        )
    cells = [cv2.resize(face, (_CELL, _CELL), interpolation=cv2.INTER_AREA) for face in shown]
    rows = -(-len(cells) // _COLUMNS)
    sheet = np.full((rows * _CELL, _COLUMNS * _CELL, 3), 255, np.uint8)
    for number, cell in enumerate(cells):
        top, left = number // _COLUMNS * _CELL, number % _COLUMNS * _CELL
        sheet[top : top + _CELL, left : left + _CELL] = cell
    _write(cutting.out / SHEET, sheet)
    return cutting


def _write(path: Path, pixels: Picture) -> None:
    _, packed = cv2.imencode(path.suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
    write_file(path, packed.tobytes())
