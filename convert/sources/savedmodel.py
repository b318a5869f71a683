"""Networks in TensorFlow SavedModels, whichever Keras or TensorFlow wrote them.

A SavedModel has no layers any more, only operations. Its serving function is frozen, the tower is found among the
operations, and what belongs to it is put into a Keras model of one layer: from there on it is a network like others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from convert.errors import ConversionError
from convert.quantize import to_tflite
from convert.sources.imported import LEFT_BEHIND, Imported, Wish, door_network
from convert.sources.tower import Step, find_tower, head_steps
from convert.tensorflow import load_keras, load_tensorflow

_SIGNATURE: Final = "serving_default"
_UNREADABLE: Final = (OSError, ValueError, TypeError, LookupError, AttributeError, RuntimeError, AssertionError)
# Operations that reach out of the network: a model of faces has no use for them.
_REACHING_OUT: Final = {"PyFunc", "PyFuncStateless", "EagerPyFunc", "ReadFile", "WriteFile", "MatchingFiles", "RpcCall"}


def import_savedmodel(path: Path, wish: Wish) -> Imported:
    """The embedding network in a SavedModel, converted; also when it is the tower of a siamese model.

    Raises ConversionError naming the folder when it holds none.
    """
    keras = load_keras()
    try:
        graph = _Frozen(path)
        ends = find_tower(graph.inputs, graph.outputs, wish.tower)
        weights = graph.weights(ends[0])
        tower = graph.network(keras, graph.inputs[0], ends[0])
        network = door_network(keras, tower, _sides(graph.inputs[0].tensor), wish)
        exact, small = to_tflite(network, "float32"), to_tflite(network, "float16")
    except ConversionError as error:
        raise ConversionError(f"{path.name}: {error}") from None
    notes = [f"cut out of a siamese model at {ends[0].name}"] if len(graph.inputs) > 1 else []
    if head_steps(graph.inputs, graph.outputs):
        notes.append(f"{LEFT_BEHIND}: a SavedModel has no layers any more, a .keras file has")
    return Imported(exact, small, weights, tuple(notes), network=network)


class _Frozen:
    """The serving function as a graph whose variables have become constants."""

    def __init__(self, path: Path) -> None:
        self._tf = load_tensorflow()
        function = _freeze(self._tf, path)
        self._nodes = {node.name: node for node in function.graph.as_graph_def().node}
        constants = [node for node in self._nodes.values() if node.op == "Const"]
        self._values = {node.name: self._tf.make_ndarray(node.attr["value"].tensor) for node in constants}
        known = {tensor.name: Step(_name(tensor), _shape(tensor), tensor=tensor) for tensor in function.inputs}
        self.inputs = list(known.values())
        for operation in function.graph.get_operations():
            parents = tuple(known[tensor.name] for tensor in operation.inputs)
            for tensor in operation.outputs:
                only_hands_on = operation.type == "Identity"
                known.setdefault(tensor.name, parents[0] if only_hands_on else self._step(tensor, parents))
        self.outputs = [known[tensor.name] for tensor in function.outputs]

    def weights(self, end: Step) -> list[NDArray[np.float32]]:
        """The float constants that a step is computed from, in the order of the graph."""
        names = self._between(self.inputs, [end])
        found = {name: self._values[name] for name in names if name in self._values}
        found = {name: values for name, values in found.items() if np.issubdtype(values.dtype, np.floating)}
        for name, values in found.items():
            if not np.isfinite(values).all():
                raise ConversionError(f"{name}: holds numbers that are not finite")
        return [np.asarray(values, np.float32) for values in found.values()]

    def network(self, keras: Any, start: Step, end: Step) -> Any:
        """What lies between these steps as a Keras layer."""
        part = self._tf.compat.v1.GraphDef()
        for name in self._between([start], [end]):
            node = part.node.add()
            node.CopyFrom(self._nodes[name])
            del node.input[:]
            node.input.extend(source for source in self._nodes[name].input if not source.startswith("^"))

        def run(given: Any) -> Any:
            mapped = {start.tensor.name: given}
            return self._tf.graph_util.import_graph_def(part, mapped, [end.tensor.name], name="part")[0]

        return keras.layers.Lambda(run, name="network")

    def _between(self, starts: Sequence[Step], ends: Sequence[Step]) -> list[str]:
        """The operations that make the ends out of the starts, in the order of the graph."""
        given = {start.tensor.name for start in starts}
        needed: set[str] = set()
        waiting = [end.tensor.name for end in ends]
        while waiting:
            tensor = waiting.pop()
            name = tensor.partition(":")[0]
            if tensor in given or name in needed:
                continue
            needed.add(name)
            sources = (source for source in self._nodes[name].input if not source.startswith("^"))
            waiting.extend(source if ":" in source else f"{source}:0" for source in sources)
        return [name for name in self._nodes if name in needed]

    def _step(self, tensor: Any, parents: tuple[Step, ...]) -> Step:
        node = self._nodes[tensor.op.name]
        values = self._values.get(node.name)
        if values is not None:
            made: Any = (str(values.dtype), values.shape, hashlib.sha256(values.tobytes()).digest())
        else:
            said = sorted((key, value.SerializeToString()) for key, value in node.attr.items() if key[0] != "_")
            made = (tensor.value_index, tuple(said))
        return Step(_name(tensor), _shape(tensor), (node.op, made), parents, tensor)


def _freeze(tf: Any, path: Path) -> Any:
    """The serving function with its variables as constants. Raises ConversionError when there is none that fits."""
    if not path.is_dir():
        raise ConversionError("not a folder with a SavedModel in it")
    from tensorflow.core.protobuf import saved_model_pb2
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    try:
        described = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
        _refuse_reaching_out(described)
        model = tf.saved_model.load(str(path))
        function = convert_variables_to_constants_v2(model.signatures[_SIGNATURE], lower_control_flow=False)
    except (*_UNREADABLE, DecodeError, tf.errors.OpError) as error:
        said = " ".join(str(error).split())[:200]
        raise ConversionError(f"not a whole SavedModel with a function {_SIGNATURE!r} ({said})") from None
    odd = [tensor for tensor in function.inputs if tensor.dtype != tf.float32]
    if odd:
        raise ConversionError(f"its input {_name(odd[0])} is {odd[0].dtype.name}: pixels as float32 are meant")
    return function


def _refuse_reaching_out(described: Any) -> None:
    for graph in (meta.graph_def for meta in described.meta_graphs):
        nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
        for node in nodes:
            if node.op in _REACHING_OUT:
                raise ConversionError(f"{node.name}: {node.op} runs code or touches files, and is never run here")


def _name(tensor: Any) -> str:
    """An operation's name without the calls that wrap a whole serving function."""
    return str(tensor.op.name).removeprefix("StatefulPartitionedCall/").removeprefix("PartitionedCall/")


def _sides(tensor: Any) -> tuple[int | None, ...]:
    return () if tensor.shape.rank is None else tuple(tensor.shape.as_list())


def _shape(tensor: Any) -> str:
    return f"[{', '.join('any' if side is None else str(side) for side in _sides(tensor)[1:])}]"
