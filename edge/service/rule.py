"""The settings and the embedder's card, put together: what this door decides by."""

from __future__ import annotations

from edge.access.policy import Rule, make_rule
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
    thresholds = [(step.fmr, step.similarity) for step in card.thresholds]
    return make_rule(settings.access, thresholds, open_comparator(settings.models, card))
