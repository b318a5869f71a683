"""How each file is made of one float32 network: the four precisions, and every way to int8 that was tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from convert.int8_steps import (
    Step,
    as_depthwise,
    as_product,
    as_two_paths,
    bias_corrected,
    equalized,
    folded,
    inverted,
    merged,
    streams_equalized,
    unscaled,
)
from convert.quantize import Precision, Samples, to_tflite, worst_operators

_DEBUGGED: Final = 20  # samples: the debugger runs each operator twice, without a delegate


@dataclass(frozen=True, slots=True)
class Recipe:
    """`steps` change the network before it is converted; a `float_share` of its worst int8 operators stay float32."""

    name: str
    precision: Precision
    steps: tuple[Step, ...] = ()
    float_share: float = 0.0

    def make(self, model: Any, samples: Samples) -> bytes:
        """The `.tflite`. Raises ConversionError when TensorFlow is not there."""
        for step in self.steps:
            model = step(model, samples)
        kept = worst_operators(model, samples[:_DEBUGGED], self.float_share) if self.float_share else ()
        return to_tflite(model, self.precision, samples if self.precision == "int8" else None, kept)

    def told(self) -> tuple[str, ...]:
        """What was done, step by step, for people."""
        steps = tuple(SAID[step] for step in self.steps)
        return (*steps, f"{self.float_share:.0%} of the operators in float32") if self.float_share else steps


SAID: Final[dict[Step, str]] = {
    unscaled: "leave out L2",
    folded: "fold normalisation",
    merged: "merge",
    inverted: "invert slopes",
    equalized: "equalize",
    streams_equalized: "equalize streams",
    as_depthwise: "PReLU as depthwise + add",
    as_product: "PReLU as multiply + add",
    as_two_paths: "PReLU as two paths",
    bias_corrected: "correct biases",
}

_EVEN: Final = (unscaled, folded, merged, inverted, equalized, streams_equalized)
_BEST: Final = (*_EVEN, as_depthwise, bias_corrected)

PRECISIONS: Final[Sequence[Recipe]] = (
    Recipe("float32", "float32"),
    Recipe("float16", "float16"),
    Recipe("dynamic", "dynamic"),
    Recipe("int8", "int8", _BEST),
)
# From nothing to everything, each with its own row: what did not help is as good to know as what did.
ATTEMPTS: Final[Sequence[Recipe]] = (
    Recipe("plain", "int8"),
    Recipe("mixed", "int8", (), 0.25),
    Recipe("equalized", "int8", (equalized,)),
    Recipe("two-paths", "int8", (as_two_paths,)),
    Recipe("inverted", "int8", (inverted,)),
    Recipe("inverted-two-paths", "int8", (inverted, equalized, as_two_paths)),
    Recipe("inverted-equalized", "int8", (inverted, equalized)),
    Recipe("product", "int8", (inverted, equalized, as_product)),
    Recipe("depthwise", "int8", (inverted, equalized, as_depthwise)),
    Recipe("streams", "int8", (*_EVEN, as_depthwise)),
    Recipe("int8-mixed", "int8", _BEST, 0.1),
)
