"""A tower, what compares two of its vectors, and one step of learning: for each recipe its loss."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from convert.errors import ConversionError
from convert.siamese import losses
from convert.siamese.backbones import build_tower, input_of
from convert.siamese.heads import ONE_LAYER, THREE_LAYERS, build_head, siamese
from convert.siamese.run import Run
from convert.tensorflow import load_keras, load_tensorflow

_BATCH: Final = 64
TOWER: Final = "tower.keras"
SIAMESE: Final = "siamese.keras"

Floats = NDArray[np.float32]


class Learner:
    """`rows` are what it learns from: faces uint8 [n, side, side, 3], or for `features` stored vectors [n, d].

    `head` is None where the similarity is a cosine.
    """

    def __init__(self, run: Run, deviations: Floats | None = None, tower: Any = None) -> None:
        self._run = run
        self._keras, self._tf = load_keras(), load_tensorflow()
        self._keras.utils.set_random_seed(run.seed)
        self._keras.mixed_precision.set_global_policy(_policy(run, self._tf))
        self.eats = input_of(run.backbone, run.weights, run.size)
        self.tower = tower or build_tower(run.backbone, run.weights, run.size, run.embedding)
        self.frozen = run.recipe == "features"
        length = int(self.tower.outputs[0].shape[-1])
        kind = THREE_LAYERS if run.head == "three" else ONE_LAYER
        self.head = build_head(kind, length, deviations) if run.recipe in {"siamese-bce", "features"} else None
        self._learning = [model for model in (None if self.frozen else self.tower, self.head) if model is not None]
        self._trainable = [variable for model in self._learning for variable in model.trainable_variables]
        self._optimizer = self._keras.optimizers.Adam(_rate(run, self._keras))
        self._optimizer.build(self._trainable)
        self._step: Callable[..., Any] = self._tf.function(self._learn, autograph=False)

    @property
    def network(self) -> list[Any]:
        """Every variable that the training changes in the network."""
        return [variable for model in self._learning for variable in model.variables]

    @property
    def variables(self) -> list[Any]:
        """Everything that the training changes."""
        return [*self.network, *self._optimizer.variables]

    @property
    def parameters(self) -> int:
        counted = [self.tower, *([self.head] if self.head is not None else [])]
        return sum(int(model.count_params()) for model in counted)

    def learn_pairs(
        self, first: NDArray[Any], second: NDArray[Any], same: Floats, taught: Floats | None = None
    ) -> Floats:
        """One step; the loss of each pair [n], before it. `taught` [2 n, d]: what a teacher says of both sides."""
        rows = np.concatenate([self._taken_in(first), self._taken_in(second)])
        return np.asarray(self._step(rows, taught, same))

    def learn_group(
        self, rows: NDArray[Any], people: NDArray[Any], noise: Floats, taught: Floats | None = None
    ) -> Floats:
        """One step of triplet loss on a batch; the loss of each anchor [n]. `taught` [n, d]: a teacher's embeddings."""
        return np.asarray(self._step(self._taken_in(rows), taught, people, noise))

    def settle(self, rows: NDArray[Any]) -> None:
        """Let batch normalisation see a batch, and learn nothing: its averages trail behind a network that changes."""
        self.tower(self._taken_in(rows), training=True)

    def embed(self, rows: NDArray[Any]) -> Floats:
        """float32 [n, d]."""
        if self.frozen:
            return np.asarray(rows, np.float32)
        batches = [rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH)]
        return np.concatenate([self._numbers(self.tower(self._taken_in(batch), training=False)) for batch in batches])

    def compare(self, a: Floats, b: Floats) -> NDArray[np.float64]:
        """The similarity of each row of `a` and the same of `b`: [n], larger is more alike."""
        if self.head is None:
            return np.asarray(losses.cosine(a.astype(np.float64), b.astype(np.float64)), np.float64)
        parts = [slice(start, start + 1024) for start in range(0, len(a), 1024)]
        return np.concatenate(
            [self._numbers(self.head([a[part], b[part]], training=False))[:, 0] for part in parts]
        ).astype(np.float64)

    def cost(self, a: Floats, b: Floats, same: Floats) -> float:
        """The mean loss of pairs of embeddings. For triplets there is none of pairs: that of contrast stands in."""
        if self.head is not None:
            found = losses.binary_cross_entropy(self.compare(a, b).astype(np.float32), same)
        else:
            found = losses.contrastive(a, b, same, self._run.margin if self._run.recipe == "contrastive" else 1.0)
        return float(np.mean(np.asarray(found)))

    def write(self, folder: Path) -> None:
        """`tower.keras`, and with a head `siamese.keras`, in float32. Raises ConversionError when the disk is full."""
        tower, head = self._exact()
        for name, model in ((TOWER, tower), (SIAMESE, None if head is None else siamese(tower, head))):
            if model is None:
                continue
            partial = folder / f"partial-{name}"
            try:
                model.save(partial)
                partial.replace(folder / name)
            except OSError as error:
                raise ConversionError(f"{folder / name}: cannot be written: {error.strerror or error}") from None
            finally:
                partial.unlink(missing_ok=True)

    def _learn(self, rows: Any, taught: Any, *told: Any) -> Any:
        with self._tf.GradientTape() as tape:
            vectors = self._tf.cast(rows if self.frozen else self.tower(rows, training=True), "float32")
            each = self._losses(vectors, *told)
            if taught is not None:
                strayed = losses.distillation(vectors, taught)  # of a pair, both sides count half
                strayed = self._tf.reduce_mean(self._tf.reshape(strayed, (-1, self._tf.shape(each)[0])), axis=0)
                each += self._run.distil * strayed
            mean = self._tf.reduce_mean(each)
        self._optimizer.apply(tape.gradient(mean, self._trainable), self._trainable)
        return each

    def _losses(self, vectors: Any, *told: Any) -> Any:
        if self._run.recipe == "triplet":
            people, noise = told
            return losses.mined_triplet(vectors, people, self._run.margin, self._run.mining, noise)
        (same,) = told
        a, b = self._tf.split(vectors, 2)
        if self.head is None:
            return losses.contrastive(a, b, same, self._run.margin)
        return losses.binary_cross_entropy(self.head([a, b], training=True)[:, 0], same)

    def _taken_in(self, rows: NDArray[Any]) -> Floats:
        return np.asarray(rows, np.float32) if self.frozen else self.eats.tensor(rows)[0]

    def _exact(self) -> tuple[Any, Any]:
        """The same network, built for float32 where it learned in bfloat16: the door knows no other."""
        if self._keras.mixed_precision.global_policy().name == "float32":
            return self.tower, self.head
        self._keras.mixed_precision.set_global_policy("float32")
        head = None if self.head is None else _in_float32(self._keras, self.head)
        return _in_float32(self._keras, self.tower), head

    @staticmethod
    def _numbers(tensor: Any) -> Floats:
        return np.asarray(tensor).astype(np.float32)


def _in_float32(keras: Any, model: Any) -> Any:
    def exact(layer: Any) -> Any:
        config = layer.get_config()
        if "dtype" in config:
            config["dtype"] = "float32"
        return layer.__class__.from_config(config)

    made = keras.models.clone_model(model, clone_function=exact)
    made.set_weights(model.get_weights())
    return made


def _rate(run: Run, keras: Any) -> Any:
    if run.schedule == "constant":
        return run.learning_rate
    return keras.optimizers.schedules.CosineDecay(run.learning_rate, run.steps * run.epochs)


def _policy(run: Run, tf: Any) -> str:
    if run.precision == "auto":
        return "mixed_bfloat16" if tf.config.list_physical_devices("GPU") else "float32"
    return "mixed_bfloat16" if run.precision == "bfloat16" else "float32"
