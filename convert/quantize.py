"""One Keras network -> TFLite files. The same network gives the same bytes, whoever runs it and however often."""

from __future__ import annotations

import contextlib
import io
from typing import Any, Literal, get_args

from convert.errors import ConversionError
from convert.tensorflow import load_tensorflow

Precision = Literal["float32", "float16"]


def to_tflite(model: Any, precision: Precision) -> bytes:
    """`model` (a `keras.Model` with a fixed batch) as a TFLite file, float32 in and out whatever is stored inside.

    float16 halves the stored weights; runtimes compute in float32 from them.
    """
    if precision not in get_args(Precision):
        raise ConversionError(f"{precision}: unknown precision (one of: {', '.join(get_args(Precision))})")
    tf = load_tensorflow()
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if precision == "float16":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    with contextlib.redirect_stdout(io.StringIO()):  # Keras prints the signature it exports
        content: bytes = converter.convert()
    return content
