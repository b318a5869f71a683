"""Vision: from a Frame to a Probe. Everything outside of this room needs only what is named here."""

from edge.vision.eye import Eye, open_eye

__all__ = ["Eye", "open_eye"]
