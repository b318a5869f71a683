"""What can go wrong on the workstation. Every message names the thing and the cure."""

from __future__ import annotations

from edge.errors import LimenError


class ConversionError(LimenError):
    """A source, a data set or a record is missing, altered or unfit; nothing was half written."""
