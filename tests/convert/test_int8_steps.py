"""The steps on a small network like the real one, with slopes as wild as its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convert import int8_steps as steps
from convert.quantize import to_tflite, worst_operators
from convert.recipes import ATTEMPTS, PRECISIONS
from convert.speed import plan
from convert.surgery import copied, flattened, joints, streams
from edge.vision.runtime import load_network

ALL = (steps.merged, steps.inverted, steps.equalized, steps.streams_equalized, steps.as_depthwise)


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    return np.random.default_rng(3).uniform(-1, 1, (40, 12, 12, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def wild() -> Any:
    """Two bottlenecks with a residual addition, channels of very different range, and slopes from -9 to 9."""
    keras = pytest.importorskip("keras", reason="TensorFlow is in .venv-convert only")
    keras.utils.set_random_seed(11)
    layers = keras.layers
    pixels = keras.Input(batch_shape=(1, 12, 12, 3), name="pixels")
    x = layers.Conv2D(8, 1, name="first")(layers.Conv2D(8, 3, padding="same", name="stem")(pixels))
    x = layers.Conv2D(8, 1, name="second")(x)
    for block in "ab":
        y = layers.PReLU(shared_axes=[1, 2], name=f"{block}_up_prelu")(layers.Conv2D(16, 1, name=f"{block}_up")(x))
        y = layers.DepthwiseConv2D(3, padding="same", name=f"{block}_deep")(y)
        y = layers.PReLU(shared_axes=[1, 2], name=f"{block}_deep_prelu")(y)
        x = layers.Add(name=f"{block}_add")([x, layers.Conv2D(8, 1, name=f"{block}_down")(y)])
    x = layers.DepthwiseConv2D(12, name="pool")(x)
    model = keras.Model(pixels, layers.Reshape((6,))(layers.Conv2D(6, 1, name="last")(x)))
    random = np.random.default_rng(5)
    for layer in model.layers:
        if "prelu" in layer.name:
            layer.set_weights([random.uniform(-9, 9, layer.get_weights()[0].shape).astype(np.float32)])
        elif layer.weights:
            kernel, bias = layer.get_weights()
            spread = 10 ** random.uniform(-1, 1, kernel.shape[-2:]).astype(np.float32)
            layer.set_weights([kernel * spread, random.uniform(-0.1, 0.1, bias.shape).astype(np.float32)])
    return model


def answers(model: Any, samples: np.ndarray) -> np.ndarray:
    found = np.concatenate([np.asarray(model(sample[np.newaxis])) for sample in samples])
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


def of_file(content: bytes, samples: np.ndarray) -> np.ndarray:
    network = load_network(content)
    found = np.concatenate([network.run(sample[np.newaxis])[0] for sample in samples])
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


@pytest.fixture(scope="module")
def nested() -> Any:
    """As people hand them over: a model in a model, one layer in two places, normalisation, slopes from -2 to 2."""
    keras = pytest.importorskip("keras", reason="TensorFlow is in .venv-convert only")
    keras.utils.set_random_seed(12)
    layers = keras.layers
    inside = keras.Sequential([keras.Input((12, 12, 8)), layers.Conv2D(8, 3, padding="same", name="first")], name="in")
    pixels = keras.Input((12, 12, 3))
    shared = layers.Conv2D(8, 1, name="shared")
    x = layers.Conv2D(8, 3, padding="same", use_bias=False, name="first")(pixels)
    x = layers.PReLU(shared_axes=[1, 2])(layers.BatchNormalization()(x))
    x = layers.DepthwiseConv2D(3)(inside(x, training=False))
    x = layers.PReLU(shared_axes=[1, 2])(layers.BatchNormalization(scale=False, center=False)(x))
    x = layers.Conv2D(8, 1)(keras.ops.abs(shared(shared(x))) * 2)
    x = layers.MaxPooling2D()(layers.BatchNormalization(name="alone")(layers.ReLU()(x)))
    x = layers.UnitNormalization(name="length")(layers.Dense(6)(layers.PReLU()(layers.Flatten()(x))))
    tower = keras.Model(pixels, x)
    random = np.random.default_rng(6)
    for variable in tower.weights:
        if variable.path.split("/")[-1] in {"alpha", "beta", "moving_mean"}:
            variable.assign(random.uniform(-2, 2, variable.shape))
        elif variable.path.split("/")[-1] in {"gamma", "moving_variance"}:
            variable.assign(10 ** random.uniform(-1, 1, variable.shape))
    pixels = keras.Input(batch_shape=(1, 12, 12, 3))
    return keras.Model(pixels, tower(pixels))


def test_a_model_in_a_model_is_taken_apart(nested: Any, samples: np.ndarray) -> None:
    flat = flattened(nested)
    assert answers(flat, samples) == pytest.approx(answers(nested, samples), abs=1e-6)
    names = [layer.name for layer in flat.layers]
    assert {"first", "first_2", "shared", "alone"} <= set(names)
    assert len(names) == len(set(names)) == 17


def test_normalisation_goes_into_the_convolution_before_it(nested: Any, samples: np.ndarray) -> None:
    flat = flattened(nested)
    folded = steps.folded(flat, samples)
    assert answers(folded, samples) == pytest.approx(answers(nested, samples), abs=2e-5)
    assert [layer.name for layer in folded.layers if "norm" in layer.name or layer.name == "alone"] == ["alone"]
    assert (len(joints(flat)), len(joints(folded))) == (0, 1)


def test_a_network_of_others_is_made_in_int8(nested: Any, samples: np.ndarray) -> None:
    found = PRECISIONS[-1].make(flattened(nested), samples)
    assert float((of_file(found, samples) * answers(nested, samples)).sum(axis=1).mean()) > 0.99


def test_every_step_leaves_a_network_of_others_its_function(nested: Any, samples: np.ndarray) -> None:
    changed = flattened(nested)
    for step in (steps.unscaled, steps.folded, *ALL):
        changed = step(changed, samples)
    assert "length" not in [layer.name for layer in changed.layers]
    assert answers(changed, samples) == pytest.approx(answers(nested, samples), abs=5e-5)


@pytest.mark.parametrize("step", [*ALL[:-1], steps.as_two_paths], ids=lambda step: step.__name__)
def test_a_step_changes_the_numbers_and_not_the_function(wild: Any, samples: np.ndarray, step: steps.Step) -> None:
    changed = step(wild, samples)
    assert answers(changed, samples) == pytest.approx(answers(wild, samples), abs=2e-5)


@pytest.mark.parametrize("last", [steps.as_depthwise, steps.as_product], ids=lambda step: step.__name__)
def test_all_steps_together_do_not_either(wild: Any, samples: np.ndarray, last: steps.Step) -> None:
    changed = wild
    for step in (*ALL[:-1], last):
        changed = step(changed, samples)
    assert not joints(changed), "no PReLU is left"
    assert answers(changed, samples) == pytest.approx(answers(wild, samples), abs=2e-5)


def test_the_network_itself_is_left_alone(wild: Any, samples: np.ndarray) -> None:
    before = [values.copy() for values in wild.get_weights()]
    for step in (*ALL, steps.bias_corrected):
        step(wild, samples)
    assert all(np.array_equal(one, other) for one, other in zip(before, wild.get_weights(), strict=True))


def test_no_slope_is_steep_after_inversion(wild: Any, samples: np.ndarray) -> None:
    assert max(np.abs(joint.slopes).max() for joint in joints(wild)) > 8
    assert max(np.abs(joint.slopes).max() for joint in joints(steps.inverted(wild, samples))) <= 1


def test_channels_reach_equally_far_after_equalizing(wild: Any, samples: np.ndarray) -> None:
    def unevenness(model: Any) -> float:
        before = [joint.before for joint in joints(model) if joint.before.name == "a_up"]
        (reach,) = steps._reaches(model, before, samples)
        return float(reach.max() / reach.min())

    assert unevenness(wild) > 5
    assert unevenness(steps.equalized(wild, samples)) == pytest.approx(1, abs=0.05)


def test_only_the_two_convolutions_in_a_row_are_merged(wild: Any, samples: np.ndarray) -> None:
    names = {layer.name for layer in steps.merged(wild, samples).layers}
    assert {layer.name for layer in wild.layers} - names == {"first"}


def test_the_two_additions_are_one_stream(wild: Any) -> None:
    *alone, stream = sorted(streams(wild), key=lambda stream: len(stream.parts))
    assert [one.parts[0].name for one in alone] == ["stem", "first", "pool"]
    assert {layer.name for layer in stream.before} == {"second", "a_down", "b_down"}
    assert {layer.name for layer in stream.after} == {"a_up", "b_up", "pool"}


def test_a_steep_prelu_is_not_written_as_what_it_is_not(wild: Any, samples: np.ndarray) -> None:
    assert len(joints(steps.as_depthwise(wild, samples))) == 4, "x + relu((s - 1) * x) wants s <= 1"


def test_int8_of_a_wild_network_is_near_it_only_after_the_steps(wild: Any, samples: np.ndarray) -> None:
    exact = answers(wild, samples)
    recipes = {recipe.name: recipe for recipe in (*PRECISIONS, *ATTEMPTS)}
    found = {name: recipes[name].make(wild, samples) for name in ("plain", "int8")}
    cosine = {name: float((of_file(content, samples) * exact).sum(axis=1).mean()) for name, content in found.items()}
    assert cosine["int8"] > 0.99
    assert 1 - cosine["int8"] < (1 - cosine["plain"]) / 2
    assert plan(load_network(found["plain"])).fell_off == {"PRELU": 4}
    assert (plan(load_network(found["int8"])).partitions, plan(load_network(found["int8"])).fell_off) == (1, {})


def test_the_same_network_and_samples_give_the_same_int8_bytes(wild: Any, samples: np.ndarray) -> None:
    best = PRECISIONS[-1]
    assert best.make(wild, samples[:8]) == best.make(copied(wild), samples[:8])


def test_the_debugger_names_operators_that_then_stay_in_float(wild: Any, samples: np.ndarray) -> None:
    worst = worst_operators(wild, samples[:4], 0.25)
    assert worst
    mixed = to_tflite(wild, "int8", samples[:4], worst)
    assert len(mixed) > len(to_tflite(wild, "int8", samples[:4]))
