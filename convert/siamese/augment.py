"""Changing a face a little, as often as it is seen, so that a network learns the face and not the picture."""

from __future__ import annotations

from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from convert.siamese.sampling import Random

Augment = Literal["none", "light", "strong"]

# "light" is what recipe A's pictures went through: brightness +-0.02 of the range, left-right flip, JPEG 90 to 100.
BRIGHTNESS: Final = 0.02
QUALITY: Final = (90, 100)
# "strong" adds what a camera and a detector do: the cut is turned, moved and scaled, the light is another.
_TURN, _SHIFT, _SCALE = 10.0, 0.05, 0.1  # degrees, and shares of the side
_GAIN: Final = (0.7, 1.3)


def augmented(crops: NDArray[np.uint8], how: Augment, random: Random) -> NDArray[np.uint8]:
    """RGB uint8 [n, side, side, 3] -> the same, each changed by its own draw of `random`."""
    if how == "none":
        return crops
    moved = [_moved(crop, random) for crop in crops] if how == "strong" else crops
    return np.stack([_light(crop, random) for crop in moved])


def _light(crop: NDArray[np.uint8], random: Random) -> NDArray[np.uint8]:
    changed = crop.astype(np.float32) + 255 * random.uniform(-BRIGHTNESS, BRIGHTNESS)
    if random.random() < 0.5:
        changed = changed[:, ::-1]
    quality = int(random.integers(QUALITY[0], QUALITY[1] + 1))
    pixels = np.ascontiguousarray(changed.round().clip(0, 255).astype(np.uint8))
    _, packed = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    read = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    return np.asarray(cv2.cvtColor(read, cv2.COLOR_BGR2RGB), np.uint8)


def _moved(crop: NDArray[np.uint8], random: Random) -> NDArray[np.uint8]:
    side = len(crop)
    turn, across, down, grow = random.uniform(-1, 1, 4).tolist()
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), _TURN * turn, 1 + _SCALE * grow)
    matrix[:, 2] += _SHIFT * side * across, _SHIFT * side * down
    moved = cv2.warpAffine(crop, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return (moved * random.uniform(*_GAIN)).round().clip(0, 255).astype(np.uint8)
