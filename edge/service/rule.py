"""The settings and the embedder's card, put together: what this door decides by."""

from __future__ import annotations

from edge.access.policy import Rule, make_rule
from edge.settings import Settings
from edge.vision.cards import Card, read_card


def embedder_card(settings: Settings) -> Card:
    """The card of the configured embedder. Raises ModelError."""
    return read_card(settings.models / f"{settings.vision.embedder}.json")


def effective_rule(settings: Settings) -> Rule:
    """Needs no model to be loaded. Raises ConfigError, ModelError."""
    return make_rule(settings.access, [(step.fmr, step.similarity) for step in embedder_card(settings).thresholds])
