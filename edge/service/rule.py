"""The settings and the embedder's card, put together: what this door decides by."""

from __future__ import annotations

from msgspec import UNSET

from edge.access.policy import Rule, make_rule
from edge.errors import ModelError
from edge.settings import Settings
from edge.vision.cards import Card, read_card
from edge.vision.heads import open_comparator


def embedder_card(settings: Settings) -> Card:
    """The card of the configured embedder. Raises ModelError."""
    return read_card(settings.models / f"{settings.vision.embedder}.json")


def effective_rule(settings: Settings) -> Rule:
    """Needs no network to be loaded, but a head where the card's thresholds are of its score.

    Raises ConfigError, ModelError.
    """
    card = embedder_card(settings)
    if card.score == "head" and card.floor is UNSET:
        raise ModelError(
            f"{card.name}.json: its head has no `floor` and may say anything of what is no face: evaluate it"
        )
    thresholds = [(step.fmr, step.similarity) for step in card.thresholds]
    return make_rule(settings.access, thresholds, open_comparator(settings.models, card))
