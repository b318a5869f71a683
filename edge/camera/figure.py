"""Cut a person out of a photograph and set them into a scene: the demo's actors.

An outline drawn by hand in the photograph's own pixels, a soft edge, and the cloth of the last row carried on
downwards, so that the figure always stands in the picture with its feet below the frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.camera.files import read_picture
from edge.errors import CameraError

Picture = NDArray[np.uint8]

# Figures are kept at the largest size they are shown, and at half and quarter: shrinking in one step would flicker.
_LEVELS: Final = 3
# The cloth below the photograph, in face widths under the middle of the face.
_DEPTH: Final = 4.7


@dataclass(frozen=True, slots=True)
class Outline:
    """A person in the photograph `file`, in its pixels.

    Middle and width of the face, last row of plain cloth, and the outline from lower right over the head to lower left.
    """

    file: str
    middle: tuple[int, int]
    face: int
    last_row: int
    points: tuple[tuple[int, int], ...]


RESIDENT: Final = Outline(
    file="astronaut.png",
    middle=(228, 115),
    face=100,
    last_row=511,
    points=(
        (506, 511), (505, 480), (497, 435), (483, 402), (469, 381), (449, 362), (424, 351), (395, 346), (383, 347),
        (361, 353), (360, 342), (358, 325), (352, 298), (345, 278), (337, 265), (324, 253), (311, 241), (303, 232),
        (298, 215), (288, 200), (272, 184), (257, 174), (261, 164), (264, 150), (268, 139), (273, 135), (282, 127),
        (290, 117), (298, 102), (300, 84), (297, 66), (288, 49), (272, 33), (255, 21), (230, 16), (205, 20),
        (192, 33), (170, 46), (157, 64), (154, 85), (156, 102), (165, 117), (172, 124), (179, 128), (184, 141),
        (186, 150), (170, 150), (149, 156), (132, 169), (121, 187), (114, 198), (111, 209), (98, 221), (86, 234),
        (67, 253), (52, 274), (43, 295), (36, 322), (29, 342), (27, 368), (22, 402), (21, 450), (22, 511),
    ),
)  # fmt: skip
STRANGER: Final = Outline(
    file="grace_hopper.jpg",
    middle=(262, 215),
    face=195,
    last_row=570,
    points=(
        (505, 570), (505, 425), (500, 408), (492, 390), (470, 379), (442, 370), (408, 358), (382, 346), (361, 335),
        (344, 322), (334, 315), (332, 309), (345, 301), (356, 285), (361, 268), (362, 249), (369, 225), (374, 204),
        (372, 191), (365, 181), (369, 157), (370, 127), (368, 100), (362, 90), (355, 86), (351, 72), (341, 58),
        (325, 48), (304, 41), (297, 33), (280, 25), (262, 22), (238, 25), (220, 36), (216, 42), (204, 46), (187, 61),
        (177, 76), (175, 84), (166, 88), (157, 97), (153, 123), (151, 149), (154, 170), (154, 187), (157, 204),
        (161, 225), (166, 246), (165, 266), (171, 280), (183, 289), (195, 298), (199, 317), (194, 328), (178, 336),
        (153, 347), (138, 354), (85, 365), (55, 378), (45, 392), (40, 414), (37, 450), (32, 500), (28, 570),
    ),
)  # fmt: skip


class Figure:
    """One actor, ready to be set into frames.

    `_levels`: colour uint8 [h, w, 3] and cover float32 [h, w] in [0, 1], largest first.
    """

    def __init__(self, outline: Outline, folder: Path, largest: float) -> None:
        """`largest`: pixels the face is wide at most. CameraError when the photograph is not in `folder`."""
        photograph = read_picture(folder / outline.file)
        if photograph.size == 0:
            raise CameraError(f"demo: no picture {folder / outline.file} (`make pictures` fetches it)")
        colour, cover = _cut_out(photograph, outline)
        scale = largest / outline.face
        self._largest = largest
        self._middle = (outline.middle[0] * scale, outline.middle[1] * scale)
        self._levels = [
            (_resized(colour, scale / 2**level), _resized(cover, scale / 2**level)) for level in range(_LEVELS)
        ]

    def place(
        self, scene: NDArray[np.uint8], middle: tuple[float, float], face: float, roll: float
    ) -> NDArray[np.uint8]:
        """Give `scene` (uint8 [h, w, 3] BGR) with the figure in front of it.

        The face's middle is at `middle` and `face` pixels wide; it leans `roll` degrees.
        """
        level = int(np.clip(np.log2(self._largest / face), 0, _LEVELS - 1))
        colour, cover = self._levels[level]
        across, down = self._middle[0] / 2**level, self._middle[1] / 2**level
        matrix = cv2.getRotationMatrix2D((across, down), roll, face * 2**level / self._largest)
        matrix[:, 2] += middle[0] - across, middle[1] - down
        size = (scene.shape[1], scene.shape[0])
        front = cv2.warpAffine(cover, matrix, size)
        person = cv2.warpAffine(colour, matrix, size, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(cv2.blendLinear(person, scene, front, 1.0 - front), np.uint8)


def _cut_out(photograph: Picture, outline: Outline) -> tuple[Picture, NDArray[np.float32]]:
    """The photograph, its last row carried on downwards, and the soft-edged cover of the person, float32 [h, w]."""
    bottom = outline.middle[1] + int(_DEPTH * outline.face)
    colour = cv2.copyMakeBorder(
        photograph[: outline.last_row + 1], 0, max(0, bottom - outline.last_row), 0, 0, cv2.BORDER_REPLICATE
    )
    colour[outline.last_row + 1 :] = cv2.blur(photograph[outline.last_row : outline.last_row + 1], (41, 1))
    below = ((outline.points[-1][0], bottom), (outline.points[0][0], bottom))
    mask = np.zeros(colour.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.array(outline.points + below, np.int32)], 255)
    edge = outline.face / 40
    mask = cv2.erode(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3)), iterations=max(1, round(edge)))
    cover = cv2.GaussianBlur(mask, (0, 0), edge).astype(np.float32) / 255
    return np.asarray(colour, np.uint8), np.asarray(cover, np.float32)


def _resized(picture: NDArray[Any], scale: float) -> NDArray[Any]:
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=way))
