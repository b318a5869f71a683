"""One Keras network -> TFLite files. The same network gives the same bytes, whoever runs it and however often."""

from __future__ import annotations

import contextlib
import csv
import io
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from convert.errors import ConversionError
from convert.tensorflow import load_tensorflow

Precision = Literal["float32", "float16", "dynamic", "int8"]
Samples = NDArray[np.float32]
_NOISE: Final = (
    "Statistics for quantized inputs were expected, but not specified",  # float32 inputs have none
    r"\s*Warning: tf\.lite\.Interpreter is deprecated",  # the debugger's own business
)


def to_tflite(model: Any, precision: Precision, samples: Samples | None = None, in_float: Sequence[str] = ()) -> bytes:
    """`model` (a `keras.Model` with a fixed batch) as a TFLite file, float32 in and out whatever is stored inside.

    float16 halves the stored weights, dynamic makes them a quarter; runtimes compute in float32 from them, or for
    dynamic partly in integers. int8 computes in integers with a scale for each channel of the weights and one for each
    other tensor, from `samples` [n, height, width, 3] as the network eats them; `in_float` names operators of its graph
    that stay float32. Raises ConversionError for a network that does what TFLite cannot.
    """
    if precision not in get_args(Precision):
        raise ConversionError(f"{precision}: unknown precision (one of: {', '.join(get_args(Precision))})")
    if precision == "int8" and (samples is None or not len(samples)):
        raise ConversionError("int8 needs calibration samples: name a folder of pictures with --calibration")
    tf = load_tensorflow()
    from tensorflow.lite.python.convert_phase import ConverterError

    converter = _converter(model, precision, samples)
    try:
        with _quietly():
            if in_float:
                options = tf.lite.experimental.QuantizationDebugOptions(denylisted_nodes=list(in_float))
                debugger = tf.lite.experimental.QuantizationDebugger(converter=converter, debug_options=options)
                return bytes(debugger.get_nondebug_quantized_model())
            return bytes(converter.convert())
    except (ConverterError, ValueError, TypeError, RuntimeError) as error:
        lines = [line for line in str(error).splitlines() if "error:" in line] or str(error).splitlines() or ["?"]
        raise ConversionError(f"TFLite has no way to say what it does ({lines[0].strip()[-200:]})") from None


def worst_operators(model: Any, samples: Samples, share: float) -> tuple[str, ...]:
    """The `share` of operators whose int8 output is farthest from float32, in steps of its scale; worst first.

    By TensorFlow's quantization debugger, each operator with its true float32 input.
    """
    tf = load_tensorflow()
    with _quietly():
        debugger = tf.lite.experimental.QuantizationDebugger(
            converter=_converter(model, "int8", samples), debug_dataset=lambda: _one_by_one(samples)
        )
        debugger.run()
        table = io.StringIO()
        debugger.layer_statistics_dump(table)
    rows = list(csv.DictReader(io.StringIO(table.getvalue())))
    rows.sort(key=lambda row: float(row["mean_squared_error"]) ** 0.5 / float(row["scale"]), reverse=True)
    return tuple(row["tensor_name"] for row in rows[: round(share * len(rows))])


def _converter(model: Any, precision: Precision, samples: Samples | None) -> Any:
    tf = load_tensorflow()
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if precision == "int8" and samples is not None:
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.representative_dataset = lambda: _one_by_one(samples)
    return converter


def _one_by_one(samples: Samples) -> Iterator[list[Samples]]:
    for sample in samples:
        yield [sample[np.newaxis]]


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Keras prints the signature it exports, and TensorFlow warns of what is as it should be."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        for message in _NOISE:
            warnings.filterwarnings("ignore", message=message)
        yield
