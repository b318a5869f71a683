"""Networks in Keras files: `.keras`, and `.h5` of Keras 2 and 3.

Nothing in a file is ever run: Keras' safe mode stays on; a layer that carries Python code is refused or left behind.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from convert.errors import ConversionError
from convert.quantize import to_tflite
from convert.sources.imported import LEFT_BEHIND, Imported, Wish, door_network, finite_weights
from convert.sources.keras_head import as_arrays
from convert.sources.keras_steps import steps_of
from convert.sources.keras_submodel import shared_submodel
from convert.sources.tower import Step, find_tower, head_steps
from convert.tensorflow import load_keras

# What Keras, h5py and zipfile raise for files that are cut off, of another version, or made up.
UNREADABLE: Final = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OSError,
    EOFError,
    RuntimeError,
    ImportError,
    AssertionError,
    zipfile.BadZipFile,
)


def import_keras(path: Path, wish: Wish) -> Imported:
    """The embedding network in a Keras file, converted; also when it is the tower of a siamese model.

    Raises ConversionError naming the file when it holds none.
    """
    keras = load_keras()
    try:
        config = read_config(path)
        code = sorted(set(_layers_with_code(config)))
        model, lost = _load(keras, path, config, code, wish)
        return convert(keras, model, wish, lost)
    except ConversionError as error:
        raise ConversionError(f"{path.name}: {error}") from None


def convert(keras: Any, model: Any, wish: Wish, lost: str = "") -> Imported:
    """`model`, or the tower in it, with its head; `lost` is why a head was left behind already."""
    if not getattr(model, "inputs", None) or not getattr(model, "outputs", None):
        raise ConversionError("its input has no shape yet: build it before saving it")
    inputs, outputs = steps_of(keras, model)
    ends = find_tower(inputs, outputs, wish.tower)
    tower = keras.Model(model.inputs[0], ends[0].tensor, name="tower")
    network = door_network(keras, tower, tuple(model.inputs[0].shape), wish)
    weights = finite_weights(network)
    notes = [f"cut out of a siamese model at {ends[0].name}"] if len(inputs) > 1 or lost else []
    if wish.tower and len(inputs) == 1:
        notes.append(f"cut at {wish.tower}")
    layers = tuple(dict.fromkeys(step.name for step in head_steps(inputs, outputs)))
    head, told = as_arrays(keras, _head(keras, model, ends)) if layers else (None, lost)
    exact, small = to_tflite(network, "float32"), to_tflite(network, "float16")
    if head is not None:
        return Imported(exact, small, weights, tuple(notes), head, layers, told, network)
    return Imported(exact, small, weights, (*notes, *([told] if told else [])), network=network)


def read_config(path: Path) -> dict[str, Any]:
    """The architecture that a Keras file describes. Raises ConversionError when it is not such a file, or not whole."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                version = str(json.loads(archive.read("metadata.json"))["keras_version"])
                config = json.loads(archive.read("config.json"))
            if version.startswith("2."):
                raise ConversionError(f"a .keras file of Keras {version}: save it there as .h5 or as a SavedModel")
        else:
            config = _h5_config(path)
    except FileNotFoundError:
        raise ConversionError("there is no such file") from None
    except UNREADABLE as error:
        raise ConversionError(f"not a whole .keras or .h5 file ({_briefly(error)})") from None
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        raise ConversionError("describes no model")
    suffixes = (".keras",) if zipfile.is_zipfile(path) else (".h5", ".hdf5")
    if path.suffix not in suffixes:
        raise ConversionError(f"its content is that of a {suffixes[0]} file: rename it")
    return config


def _load(keras: Any, path: Path, config: Mapping[str, Any], code: Sequence[str], wish: Wish) -> tuple[Any, str]:
    """The model, or what of it can be had without running code, and then why the rest was left behind."""
    if code:
        reason = f"{', '.join(code)}: Python code inside a Lambda layer, which is never run"
    else:
        try:
            return keras.saving.load_model(path, compile=False, safe_mode=True), ""
        except UNREADABLE as error:
            reason = f"Keras cannot rebuild it ({_briefly(error)})"
    with shared_submodel(path, config, wish.tower) as alone:
        if alone is None:
            raise ConversionError(f"{reason}. {_CURE}")
        inner = read_config(alone)
        if set(_layers_with_code(inner)):
            raise ConversionError(f"{reason}. {_CURE}")
        try:
            model = keras.saving.load_model(alone, compile=False, safe_mode=True)
        except UNREADABLE as error:
            raise ConversionError(f"{reason}, nor its tower ({_briefly(error)}). {_CURE}") from None
    return model, f"{LEFT_BEHIND}: {reason}"


_CURE: Final = (
    "Where you have the code that made it, save the shared network alone, without such layers: "
    'model.get_layer("NAME").save("tower.keras")'
)


def _head(keras: Any, model: Any, ends: Sequence[Step]) -> Any:
    """What follows the towers, fed with one embedding for each input."""
    rest = keras.Model([end.tensor for end in ends], model.outputs, name="rest")
    embeddings = [keras.Input(batch_shape=(1, *end.tensor.shape[1:])) for end in ends]
    return keras.Model(embeddings, rest(embeddings), name="head")


def _h5_config(path: Path) -> Any:
    import h5py

    with h5py.File(path, "r") as file:
        text = file.attrs.get("model_config")
        if text is None:
            raise ConversionError("holds weights and no network: save it with model.save(), not save_weights()")
        return json.loads(text)


def _layers_with_code(config: Any, name: str = "?") -> Iterator[str]:
    """The names of Lambda layers whose function is stored as compiled Python."""
    if isinstance(config, Mapping):
        settings = config.get("config")
        if isinstance(settings, Mapping):
            name = str(settings.get("name", name))
        if config.get("class_name") == "__lambda__":
            yield name
        old = isinstance(settings, Mapping) and isinstance(settings.get("function"), list)  # of Keras 2
        if config.get("class_name") == "Lambda" and old:
            yield name
        for value in config.values():
            yield from _layers_with_code(value, name)
    elif isinstance(config, list):
        for value in config:
            yield from _layers_with_code(value, name)


def _briefly(error: BaseException) -> str:
    """The first sentence of what a library said."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].split(". ")[0][:160]
