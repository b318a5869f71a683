"""From pictures, or a camera, to one aligned face each: found, judged and cut by the door's own code.

What the door's quality gate would refuse is left out, and counted by its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
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
from convert.siamese.album import PICTURES
from convert.siamese.crops import TEMPLATE, read_colour
from edge.camera.camera import make_source
from edge.clock import Clock
from edge.errors import CameraError, ConfigError
from edge.settings import CameraSettings
from edge.vision.align import TEMPLATES, align

SHEET: Final = "sheet.jpg"
UNREADABLE: Final = "unreadable"
_CELL, _COLUMNS, _ROWS = 96, 12, 20  # of the preview sheet, which shows the first 240 faces
_BETWEEN: Final = 0.4  # seconds between two faces of a capture: people move a little meanwhile
_NEW: Final = 3.0  # mean grey levels by which a captured face differs from the one before: a still camera is no crowd

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Cutting:
    """How many faces were written into `out`, and why pictures gave none: the gate's words."""

    out: Path
    faces: int
    left_out: Mapping[str, int]


def cut_folder(folder: Path, out: Path, device: Device, size: int) -> Cutting:
    """A face of each picture in `folder`, or in its folders of people, as `out/PERSON/NAME.png`, and a preview sheet.

    A picture that was cut before is cut again. Raises ConversionError when there is no picture, or no face at all.
    """
    if out.resolve().is_relative_to(folder.resolve()):
        raise ConversionError(f"{out}: lies in the pictures' own folder: name another --out")
    pictures = list(_pictures(folder))
    if not pictures:
        raise ConversionError(f"{folder}: no pictures ({' '.join(sorted(PICTURES))}), neither here nor one folder down")
    left_out: Counter[str] = Counter()
    shown: list[Picture] = []
    faces = 0
    for path in tqdm(pictures, desc="faces", unit=" pictures", disable=None):
        image = read_colour(path)
        face, word = (None, UNREADABLE) if image is None else good_face(image, device, size)
        if face is None:
            left_out[word] += 1
            continue
        # Two files may differ in their suffix only.
        _write(out / path.parent.name / f"{path.stem}-{path.suffix[1:].lower()}.png", face)
        faces += 1
        shown += [face] if len(shown) < _COLUMNS * _ROWS else []
    return _told(Cutting(out, faces, left_out), shown, str(folder))


def capture(source: str, name: str, out: Path, count: int, device: Device, size: int, clock: Clock) -> Cutting:
    """`count` faces from a camera or a recording (as in `camera.source`), as `out/NAME/0001.png` and so on.

    Ends when there are enough, or with the recording. Numbers go on after those that are there. Raises ConversionError
    without a camera, or without a face.
    """
    if Path(name).name != name or name.startswith("."):
        raise ConversionError(f"--name {name!r}: one folder's name is meant")
    taken = [int(path.stem) for path in (out / name).glob("*.png") if path.stem.isdecimal()]
    left_out: Counter[str] = Counter()
    shown: list[Picture] = []
    with tqdm(total=count, desc=f"faces of {name}", unit=" faces", disable=None) as progress:
        for image in _frames(source, clock):
            face, word = good_face(image, device, size)
            if face is None:
                left_out[word] += 1
                progress.set_postfix_str(word.replace("_", " "))
            elif not shown or float(np.abs(face.astype(int) - shown[-1]).mean()) >= _NEW:
                shown.append(face)
                _write(out / name / f"{max(taken, default=0) + len(shown):04d}.png", face)
                progress.update()
            if len(shown) == count:
                break
    return _told(Cutting(out, len(shown), left_out), shown[: _COLUMNS * _ROWS], source)


def good_face(image: Picture, device: Device, size: int) -> tuple[Picture | None, str]:
    """RGB uint8 [size, size, 3] of a BGR picture; None and the gate's word where the door would turn it down."""
    crop = device.crop(image)
    if crop is None or crop.face.landmarks is None:
        return None, NOT_ACQUIRED
    word = device.measure(crop).refusal
    return (None, word) if word else (align(image, crop.face.landmarks, TEMPLATES[TEMPLATE], size), "")


def _pictures(folder: Path) -> Iterator[Path]:
    """Those in the folder, then those in the folders in it; what a link leads to is not followed."""
    try:
        inside = sorted(folder.iterdir())
    except OSError as error:
        raise ConversionError(f"{folder}: cannot be read: {error.strerror}") from None
    yield from _only_pictures(inside)
    for person in inside:
        if person.is_dir() and not person.is_symlink() and not person.name.startswith("."):
            yield from _only_pictures(sorted(person.iterdir()))


def _only_pictures(paths: Iterable[Path]) -> Iterator[Path]:
    yield from (path for path in paths if path.suffix.lower() in PICTURES and path.is_file())


def _frames(source: str, clock: Clock) -> Iterator[Picture]:
    """A picture every 0.4 s; recordings are played at their own pace. Raises ConversionError without a camera."""
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
                due = clock.now() + _BETWEEN
                yield image
    except CameraError as error:
        raise ConversionError(f"--source {source}: {error}") from None
    finally:
        camera.close()


def _believed(picture: NDArray[Any]) -> Picture | None:
    return picture if picture.ndim == 3 and picture.shape[2] == 3 and picture.dtype == np.uint8 else None


def _told(cutting: Cutting, shown: list[Picture], source: str) -> Cutting:
    if not shown:
        why = ", ".join(f"{word} {count}" for word, count in cutting.left_out.items()) or "no picture came"
        raise ConversionError(f"{source}: no face that the door would take ({why})")
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
