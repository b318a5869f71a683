"""TensorFlow and Keras, loaded only when a command needs them and quiet when they are."""

from __future__ import annotations

import os
from typing import Any

from convert.errors import ConversionError


def few_threads(count: int) -> None:
    """How many threads TensorFlow may use; means something only before it is first loaded."""
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(name, str(count))


def load_keras() -> Any:
    """The `keras` module."""
    _load()
    import keras

    return keras


def load_tensorflow() -> Any:
    """The `tensorflow` module."""
    return _load()


def _load() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Two conversions of one network must give one file: no graph rewriting that depends on the machine.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    try:
        import tensorflow as tf
    except ImportError:
        raise ConversionError("this command needs TensorFlow: `make models` sets it up in .venv-convert") from None
    return tf
