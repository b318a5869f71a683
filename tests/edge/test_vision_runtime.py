from __future__ import annotations

import importlib.util
from typing import Literal

import numpy as np
import pytest

from edge.errors import ModelError
from edge.vision.cards import verified_model
from edge.vision.runtime import load_network
from tests.edge.eyes import MODELS, NETWORKS

PACKAGES: dict[Literal["litert", "tflite"], tuple[str, str]] = {
    "litert": ("ai_edge_litert", "ai-edge-litert"),
    "tflite": ("tflite_runtime", "tflite-runtime"),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_shipped_network_has_the_shapes_of_its_card(name: str) -> None:
    card, content = verified_model(MODELS, name)
    network = load_network(content)
    assert network.input_shape == card.input.shape
    assert network.output_shapes[0] == card.output.shape


@pytest.mark.parametrize("choice", PACKAGES)
def test_the_chosen_runtime_is_used_or_asked_for(choice: Literal["litert", "tflite"]) -> None:
    module, package = PACKAGES[choice]
    _, content = verified_model(MODELS, "facemesh")
    if importlib.util.find_spec(module):
        assert load_network(content, choice).runtime.startswith(f"{package} ")
        return
    with pytest.raises(ModelError, match=rf"vision\.runtime: {choice} needs {package}; `pip install {package}`"):
        load_network(content, choice)


def test_some_runtime_is_found_by_itself() -> None:
    _, content = verified_model(MODELS, "facemesh")
    assert load_network(content, "auto").runtime.split()[0] in {package for _, package in PACKAGES.values()}


def test_what_is_no_network_is_refused() -> None:
    with pytest.raises(ModelError, match="does not accept the network"):
        load_network(b"not a network" * 100)


def test_an_answer_belongs_to_the_caller() -> None:
    card, content = verified_model(MODELS, "mobilefacenet")
    network = load_network(content)
    first = network.run(np.zeros(card.input.shape, np.float32))[0]
    before = first.copy()
    network.run(np.ones(card.input.shape, np.float32))
    assert np.array_equal(first, before)


def test_the_same_picture_gives_the_same_answer() -> None:
    card, content = verified_model(MODELS, "mobilefacenet")
    tensor = np.random.default_rng(1).random(card.input.shape, np.float32)
    answers = [load_network(content).run(tensor)[0] for _ in range(2)]
    assert np.array_equal(*answers)
