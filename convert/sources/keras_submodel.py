"""The shared sub-model of a siamese Keras file, taken out without rebuilding what surrounds it.

Most siamese models measure the distance in a Lambda layer, whose function is compiled Python: it is never run. The
network before it is whole, so the file is copied with the rest left out, and Keras reads the copy.
"""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from convert.errors import ConversionError

_MODELS: Final = {"Functional", "Sequential", "Model"}
_WEIGHTS: Final = "model.weights.h5"


@contextlib.contextmanager
def shared_submodel(path: Path, config: Mapping[str, Any], wanted: str | None) -> Iterator[Path | None]:
    """A file of the same format with only the sub-model that several inputs share, or `wanted`; gone afterwards.

    None when there is none. Raises ConversionError with the candidates when there are several.
    """
    layers = config["config"].get("layers", [])
    shared = [layer for layer in layers if layer.get("class_name") in _MODELS and len(_calls(layer)) > 1]
    found = [layer for layer in shared if wanted in {None, _name(layer)}]
    if len(found) > 1 or (shared and not found):
        raise ConversionError(f"name its tower with --tower: {', '.join(map(_name, shared))}")
    reduced = _reduced(config, found[0]) if found else None
    if reduced is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="limen-") as folder:
        alone = Path(folder, f"tower{path.suffix}")
        if zipfile.is_zipfile(path):
            _copy_archive(path, alone, reduced, _weights_group(layers, found[0]))
        else:
            _copy_h5(path, alone, reduced, _name(found[0]))
        yield alone


def _reduced(config: Mapping[str, Any], layer: Mapping[str, Any]) -> dict[str, Any] | None:
    """The whole model's config with one input and `layer` only; None if something lies between the two."""
    first = _calls(layer)[0]
    sources = set(_names_in(first))
    inputs = [entry for entry in config["config"]["layers"] if _name(entry) in sources]
    if len(inputs) != 1 or inputs[0].get("class_name") != "InputLayer":
        return None
    once = {**layer, "inbound_nodes": [first]}
    ends = {"input_layers": [[_name(inputs[0]), 0, 0]], "output_layers": [[_name(layer), 0, 0]]}
    settings = {**config["config"], "layers": [inputs[0], once], **ends}
    rest = {key: value for key, value in config.items() if key not in {"compile_config", "build_config"}}
    return {**rest, "config": settings}


def _copy_archive(source: Path, target: Path, config: Mapping[str, Any], group: str) -> None:
    import h5py

    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        new.writestr("metadata.json", old.read("metadata.json"))
        new.writestr("config.json", json.dumps(config))
        weights = target.with_suffix(".weights.h5")
        with old.open(_WEIGHTS) as stored, h5py.File(stored, "r") as before, h5py.File(weights, "w") as after:
            kept = f"layers/{re.sub(r'_[0-9]+$', '', group)}"  # now the first of its class
            before.copy(before[f"layers/{group}"], after, name=kept)
        new.write(weights, _WEIGHTS)


def _copy_h5(source: Path, target: Path, config: Mapping[str, Any], name: str) -> None:
    import h5py

    with h5py.File(source, "r") as before, h5py.File(target, "w") as after:
        after.attrs["model_config"] = json.dumps(config)
        weights = after.create_group("model_weights")
        for key, value in before["model_weights"].attrs.items():
            weights.attrs[key] = value
        weights.attrs["layer_names"] = [name.encode()]
        before.copy(before["model_weights"][name], weights, name=name)


def _weights_group(layers: list[Mapping[str, Any]], layer: Mapping[str, Any]) -> str:
    """Where a `.keras` file keeps a layer's weights: its class, numbered from the second one on."""
    kinds = [str(entry.get("class_name")) for entry in layers]
    kind = str(layer.get("class_name"))
    number = kinds[: layers.index(layer)].count(kind)
    return kind.lower() + (f"_{number}" if number else "")


def _calls(layer: Mapping[str, Any]) -> list[Any]:
    calls = layer.get("inbound_nodes")
    return calls if isinstance(calls, list) else []


def _name(layer: Mapping[str, Any]) -> str:
    return str(layer.get("name") or layer.get("config", {}).get("name"))


def _names_in(call: Any) -> Iterator[str]:
    """The layers whose outputs a call was given: `keras_history` in Keras 3, [name, node, tensor, {}] in Keras 2."""
    if isinstance(call, Mapping):
        if "keras_history" in call:
            yield str(call["keras_history"][0])
        for value in call.values():
            yield from _names_in(value)
    elif isinstance(call, list):
        if len(call) >= 3 and isinstance(call[0], str) and isinstance(call[1], int):
            yield call[0]
        for value in call:
            yield from _names_in(value)
