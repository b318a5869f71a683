"""Running a TFLite network, with whichever of the two runtimes is installed.

`ai-edge-litert` is the living one; `tflite-runtime` is its predecessor with the same interface.
"""

from __future__ import annotations

import importlib
from importlib.metadata import version
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError

Shape = tuple[int, ...]

_RUNTIMES: Final = {
    "litert": ("ai-edge-litert", "ai_edge_litert.interpreter"),
    "tflite": ("tflite-runtime", "tflite_runtime.interpreter"),
}


class Operator(NamedTuple):
    """One step: its name (`DELEGATE` for a part handed to XNNPACK) and the tensors it reads and writes."""

    name: str
    reads: frozenset[int]
    writes: frozenset[int]


class Network:
    """One loaded network: float32 in, float32 out. Used by one thread at a time."""

    def __init__(self, interpreter: Any, runtime: str) -> None:
        self.runtime = runtime
        self._interpreter = interpreter
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        if len(inputs) != 1 or any(tensor["dtype"] is not np.float32 for tensor in (*inputs, *outputs)):
            raise ModelError("the network must take one float32 tensor and give float32 tensors")
        self._input: int = inputs[0]["index"]
        self._outputs: tuple[int, ...] = tuple(tensor["index"] for tensor in outputs)
        self.input_shape: Shape = _shape(inputs[0])
        self.output_shapes: tuple[Shape, ...] = tuple(map(_shape, outputs))

    def run(self, tensor: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        """All outputs, in the file's order, for one input of `input_shape`. The arrays are the caller's own."""
        self._interpreter.set_tensor(self._input, tensor)
        self._interpreter.invoke()
        return tuple(self._interpreter.get_tensor(index) for index in self._outputs)

    def operators(self) -> tuple[Operator, ...]:
        """What the file holds and what the runtime put in its place, in order; for judging a file, not for the door."""
        return tuple(
            Operator(step["op_name"], frozenset(map(int, step["inputs"])), frozenset(map(int, step["outputs"])))
            for step in self._interpreter._get_ops_details()  # noqa: SLF001 - neither runtime has a public name for it
        )


def load_network(content: bytes, runtime: Literal["auto", "litert", "tflite"] = "auto", threads: int = 1) -> Network:
    """Load a `.tflite` from its bytes (which `cards.verified_model` has checked).

    Raises ModelError when the runtime is not installed or does not accept the network.
    """
    name, module = _import_runtime(runtime)
    try:
        interpreter = module.Interpreter(model_content=content, num_threads=threads)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"{name} does not accept the network: {' '.join(str(error).split())}") from None
    return Network(interpreter, name)


def _import_runtime(choice: str) -> tuple[str, Any]:
    """The first installed runtime of those `choice` allows, as ("package version", module)."""
    allowed = _RUNTIMES.values() if choice == "auto" else (_RUNTIMES[choice],)
    for package, module in allowed:
        try:
            return f"{package} {version(package)}", importlib.import_module(module)
        except ImportError:
            continue
    packages = [package for package, _ in allowed]
    raise ModelError(f"vision.runtime: {choice} needs {' or '.join(packages)}; `pip install {packages[0]}`")


def _shape(tensor: dict[str, Any]) -> Shape:
    return tuple(int(side) for side in tensor["shape"])
