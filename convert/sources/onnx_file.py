"""Networks in ONNX files, through onnx2tf in an environment of its own.

The converter pins a TensorFlow that does not live beside the one here, so it runs in another process under
`.venv-onnx` (`make onnx`). What comes back is believed only after it has given ONNX Runtime's own embeddings.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from convert.errors import ConversionError
from convert.sources.imported import Imported, Wish
from edge.errors import ModelError
from edge.vision.runtime import load_network

_PROJECT: Final = Path(__file__).parents[2]
PYTHON: Final = _PROJECT / ".venv-onnx" / "bin" / "python"
_ALIKE: Final = 0.9999


def import_onnx(path: Path, wish: Wish, *, whole: bool = False) -> Imported:
    """The embedding network in an ONNX file, converted; also when it is the tower of a siamese model.

    With `whole` also as a `keras.Model`, which needs TensorFlow. Raises ConversionError naming the file when it holds
    none, or when its environment is not there.
    """
    if not PYTHON.exists():
        raise ConversionError("ONNX files need an environment of their own, .venv-onnx: `make onnx` sets it up")
    with tempfile.TemporaryDirectory(prefix="limen-") as folder:
        try:
            found = _read(Path(folder), _run(path, Path(folder), wish))
            return replace(found, network=_whole(Path(folder))) if whole else found
        except ConversionError as error:
            raise ConversionError(f"{path.name}: {error}") from None


def _run(path: Path, folder: Path, wish: Wish) -> dict[str, Any]:
    """Convert in the other environment, working in `folder`; what it says of the network."""
    asked = json.dumps({"path": str(path.resolve()), "size": wish.size, "tower": wish.tower})
    command = [str(PYTHON), "-m", "convert.sources.onnx_process", asked]
    env = {**os.environ, "PYTHONPATH": str(_PROJECT), "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    try:
        told: dict[str, Any] = json.loads((folder / "told.json").read_bytes())
    except (OSError, ValueError):
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise ConversionError(f"the converter did not get through it ({lines[-1][:200]})") from None
    if "error" in told:
        raise ConversionError(told["error"])
    return told


def _read(folder: Path, told: dict[str, Any]) -> Imported:
    with np.load(folder / "weights.npz", allow_pickle=False) as stored:
        weights = [_finite(name, stored[f"arr_{index}"]) for index, name in enumerate(told["weights"])]
    exact, small = ((folder / "converted" / f"network_{kind}.tflite").read_bytes() for kind in ("float32", "float16"))
    with np.load(folder / "parity.npz", allow_pickle=False) as parity:
        _same_embeddings(exact, parity["given"], parity["embeddings"])
    return Imported(exact, small, weights, tuple(told["notes"]))


def _whole(folder: Path) -> Any:
    from convert.sources.savedmodel import import_savedmodel

    if not (folder / "converted" / "saved_model.pb").exists():
        raise ConversionError("comes in float32 and float16 only: for the others the converter needs Python 3.11")
    return import_savedmodel(folder / "converted", Wish()).network


def _same_embeddings(content: bytes, given: NDArray[np.float32], wanted: NDArray[np.float32]) -> None:
    try:
        network = load_network(content)
    except ModelError as error:
        raise ConversionError(f"the door's runtime does not take the converted network: {error}") from None
    if network.input_shape != given.shape[1:]:
        raise ConversionError(f"came out with an input of {network.input_shape}, {given.shape[1:]} was expected")
    for one, other in zip((network.run(tensor)[0].ravel() for tensor in given), wanted, strict=True):
        alike = float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other) or 1.0))
        if not alike >= _ALIKE and np.linalg.norm(other):
            raise ConversionError(f"came out different: cosine {alike:.4f} with ONNX Runtime's embedding; not used")


def _finite(name: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
    if not np.isfinite(values).all():
        raise ConversionError(f"{name}: holds numbers that are not finite")
    return values
