"""A functional Keras model as the steps in which a tower is looked for."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from convert.sources.tower import Step


def steps_of(keras: Any, model: Any) -> tuple[list[Step], list[Step]]:
    """The inputs and the outputs of a functional model as steps."""
    known = {id(tensor): Step(f"input {tensor.name}", _shape(tensor), tensor=tensor) for tensor in model.inputs}
    inputs = list(known.values())
    waiting = list(model.outputs)
    while waiting:
        tensor = waiting[-1]
        operation, node_index, index = tensor._keras_history  # noqa: SLF001 - Keras has no public way to ask
        node = operation._inbound_nodes[node_index]  # noqa: SLF001
        missing = [] if id(tensor) in known else [t for t in node.input_tensors if id(t) not in known]
        if missing:
            waiting.extend(missing)
            continue
        waiting.pop()
        if id(tensor) not in known:
            parents = tuple(known[id(parent)] for parent in node.input_tensors)
            kind = (*_identity(operation), index, _arguments(keras, node))
            known[id(tensor)] = Step(operation.name, _shape(tensor), kind, parents, tensor)
    return inputs, [known[id(tensor)] for tensor in model.outputs]


def _identity(operation: Any) -> tuple[Any, ...]:
    """Equal for one layer used twice, and for two layers that have no weights and do the same."""
    if getattr(operation, "weights", None):
        return (id(operation),)
    settings = {key: value for key, value in operation.get_config().items() if key != "name"}
    return (type(operation), json.dumps(settings, sort_keys=True, default=repr))


def _arguments(keras: Any, node: Any) -> str:
    """What an operation was called with besides tensors."""

    def told(value: Any) -> Any:
        if isinstance(value, keras.KerasTensor):
            return "tensor"
        return value.tobytes() if isinstance(value, np.ndarray) else repr(value)

    return repr(keras.tree.map_structure(told, (node.arguments.args, node.arguments.kwargs)))


def _shape(tensor: Any) -> str:
    return f"[{', '.join('any' if side is None else str(side) for side in tensor.shape[1:])}]"
