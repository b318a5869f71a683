"""The part of the ONNX import that runs under `.venv-onnx`: one file, converted into the working directory.

Leaves there: `told.json` (what it is, or the `error`), `weights.npz`, `parity.npz` (pictures as the network takes them
and ONNX Runtime's embeddings of them) and `converted/network_float{32,16}.tflite`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import checker, helper, numpy_helper, shape_inference, utils

from convert.errors import ConversionError
from convert.sources.imported import Wish, picture_side, vector_length
from convert.sources.tower import Step, find_tower

_PIXELS: Final = "pixels_channels_first"
# onnx2tf would download this file of sample pictures; it takes one that lies here already.
_SAMPLES: Final = "calibration_image_sample_data_20x128x128x3_float32.npy"


def main(asked: str) -> None:
    """Convert what the JSON `asked` names."""
    wanted = json.loads(asked)
    try:
        told = _convert(Path(wanted["path"]), Wish(wanted["size"], wanted["tower"]))
    except ConversionError as error:
        told = {"error": str(error)}
    Path("told.json").write_text(json.dumps(told), encoding="utf-8")


def _convert(path: Path, wish: Wish) -> dict[str, Any]:
    model = _load(path)
    inputs, outputs = _steps(model)
    end, *others = find_tower(inputs, outputs, wish.tower)
    notes = (
        [f"cut out of a siamese model at {end.name}; its head is left behind: only one in a Keras file comes along"]
        if others
        else []
    )
    model = utils.Extractor(model).extract_model([inputs[0].tensor], [end.tensor])
    _fix_input(model, wish)
    _end_in_a_vector(model)
    weights = _weights(model)
    np.savez("weights.npz", *weights.values())
    _keep_parity(model)
    _write_tflite(model)
    return {"weights": list(weights), "notes": notes}


def _load(path: Path) -> Any:
    try:
        model = onnx.load(path)
        checker.check_model(model)
        return shape_inference.infer_shapes(model)
    except (DecodeError, OSError, ValueError, checker.ValidationError, shape_inference.InferenceError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ConversionError(f"not a whole ONNX file ({said[:200]})") from None


def _steps(model: Any) -> tuple[list[Step], list[Step]]:
    """The inputs and the outputs of the graph as steps; weights are told apart by their content."""
    graph = model.graph
    names = {tensor.name for tensor in graph.initializer}
    inputs = [Step(value.name, _told(value), tensor=value.name) for value in graph.input if value.name not in names]
    shapes = {value.name: _told(value) for value in (*graph.value_info, *graph.output)}
    stored = {tensor.name: numpy_helper.to_array(tensor).tobytes() for tensor in graph.initializer}
    known = {step.tensor: step for step in inputs}
    known |= {name: Step(name, "", ("weights", content), tensor=name) for name, content in stored.items()}
    for node in graph.node:
        parents = tuple(known[name] for name in node.input if name)
        said = tuple(sorted(attribute.SerializeToString() for attribute in node.attribute))
        for index, name in enumerate(node.output):
            known[name] = Step(name, shapes.get(name, ""), (node.op_type, said, index), parents, name)
    return inputs, [known[value.name] for value in graph.output]


def _fix_input(model: Any, wish: Wish) -> None:
    """Give the network one picture of one size, channels first, as the converter wants them."""
    (pixels,) = model.graph.input
    shape = tuple(one.dim_value or None for one in pixels.type.tensor_type.shape.dim)
    if pixels.type.tensor_type.elem_type != onnx.TensorProto.FLOAT:
        raise ConversionError("its input is not float32")
    channels_first = len(shape) == 4 and shape[1] in {1, 3} and shape[3] not in {1, 3}
    side, channels = picture_side([shape[0], shape[2], shape[3], shape[1]] if channels_first else shape, wish)
    if channels != 3:
        raise ConversionError("it sees grey: only the Keras and SavedModel imports can mix the colours for it")
    if not channels_first:
        turn = helper.make_node("Transpose", [_PIXELS], [pixels.name], perm=[0, 2, 3, 1])
        model.graph.node.insert(0, turn)
        pixels.name = _PIXELS
    del model.graph.value_info[:]  # told other sizes
    for one, value in zip(pixels.type.tensor_type.shape.dim, (1, 3, side, side), strict=True):
        one.dim_value = value


def _end_in_a_vector(model: Any) -> None:
    """[1, 512, 1, 1] becomes [1, 512]."""
    (given,) = (value.type.tensor_type.shape.dim for value in model.graph.input)
    shape = _run(model, np.zeros([one.dim_value for one in given], np.float32)).shape
    length = vector_length([1, *sorted(shape[1:])])
    output = model.graph.output[0]
    if len(shape) != 2:
        model.graph.node.append(helper.make_node("Flatten", [output.name], ["embedding"], axis=1))
        output.name = "embedding"
    del output.type.tensor_type.shape.dim[:]
    for side in (1, length):
        output.type.tensor_type.shape.dim.add().dim_value = side


def _weights(model: Any) -> dict[str, NDArray[np.float32]]:
    """The float tensors of the graph by name, in its order."""
    constants = [(node.output[0], one.t) for node in model.graph.node for one in node.attribute if one.name == "value"]
    tensors = [*((tensor.name, tensor) for tensor in model.graph.initializer), *constants]
    values = {name: numpy_helper.to_array(tensor) for name, tensor in tensors}
    return {name: one.astype(np.float32) for name, one in values.items() if np.issubdtype(one.dtype, np.floating)}


def _keep_parity(model: Any) -> None:
    """Pictures of small and of large numbers, channels last, and what ONNX Runtime makes of them."""
    random = np.random.default_rng(11)
    shape = [one.dim_value for one in model.graph.input[0].type.tensor_type.shape.dim]
    given = [random.uniform(low, 1, shape).astype(np.float32) * by for low in (-1, 0) for by in (1, 255)]
    embeddings = np.concatenate([_run(model, one) for one in given])
    channels_last = np.stack(given).transpose(0, 1, 3, 4, 2)
    np.savez("parity.npz", given=channels_last, embeddings=embeddings)


def _run(model: Any, tensor: NDArray[np.float32]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {session.get_inputs()[0].name: tensor})[0])


def _write_tflite(model: Any) -> None:
    onnx.save(model, "network.onnx")
    np.save(_SAMPLES, np.random.default_rng(5).random((20, 128, 128, 3), np.float32))
    import onnx2tf

    onnx2tf.convert(
        input_onnx_file_path="network.onnx",
        output_folder_path="converted",
        batch_size=1,
        non_verbose=True,
        verbosity="error",
    )


def _told(value: Any) -> str:
    shape = value.type.tensor_type.shape.dim
    return f"[{', '.join(str(one.dim_value or 'any') for one in shape[1:])}]"


if __name__ == "__main__":
    main(sys.argv[1])
