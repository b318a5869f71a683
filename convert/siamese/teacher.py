"""What a network that begins with somebody's weights said of each face before it learned anything here.

It is computed once and kept on the disk, under a name made from the weights and the faces: a training that goes on
after kill -9 has the same teacher, and the same look-alikes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from convert.errors import ConversionError
from convert.siamese.backbones import NONE
from convert.siamese.crops import Crops
from convert.siamese.features import features
from convert.siamese.learner import Learner
from convert.siamese.run import Run
from convert.siamese.sampling import Floats, Rows, lookalikes


@dataclass(frozen=True, slots=True, eq=False)
class Teacher:
    """`vectors` [n, d]: what to stay with, for distillation. `alike` [persons, k]: who resembles whom, for batches."""

    vectors: Floats | None = None
    alike: Rows | None = None

    def of(self, rows: Rows) -> Floats | None:
        return None if self.vectors is None else self.vectors[rows]


NOBODY: Final = Teacher()


def teacher_of(run: Run, learner: Learner, crops: Crops) -> Teacher:
    """What `run` asks of it, from `learner` as it begins. Raises ConversionError where that knows nothing yet."""
    asked = [name for name in ("distil", "lookalikes") if getattr(run, name)]
    if not asked:
        return NOBODY
    if run.weights == NONE:
        raise ConversionError(f"--{asked[0]}: a network from scratch knows nobody yet; it needs --weights")
    vectors = features(learner.tower, learner.eats, crops.pixels)
    alike = lookalikes(vectors, crops.people, run.lookalikes) if run.lookalikes else None
    return Teacher(vectors if run.distil else None, alike)
