"""Opening a network by its name: card and bytes proven to belong together, loaded, and shaped as the card says."""

from __future__ import annotations

from pathlib import Path

from edge.errors import ModelError
from edge.settings import VisionSettings
from edge.vision.cards import Card, Role, verified_model
from edge.vision.runtime import Network, load_network


def open_network(settings: VisionSettings, models: Path, name: str, role: Role) -> tuple[Network, Card]:
    """The model `name` of the folder `models` for `role`. Raises ModelError when it is not one, or is not whole."""
    card, content = verified_model(models, name)
    if card.role != role:
        raise ModelError(f"{name}.json: is a model for {card.role}, not for {role}")
    try:
        network = load_network(content, settings.runtime, settings.threads)
    except ModelError as error:
        raise ModelError(f"{name}.tflite: {error}") from None
    shapes = network.input_shape, network.output_shapes[0]
    if shapes != (card.input.shape, card.output.shape):
        raise ModelError(f"{name}.tflite: takes and gives {shapes}, its card says otherwise")
    return network, card
