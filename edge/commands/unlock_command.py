"""`limen unlock`: open the door from here, with a key that may."""

from __future__ import annotations

from argparse import Namespace

from edge.commands.configuration import chosen_settings
from edge.commands.conversation import ask


def execute(options: Namespace) -> int:
    """Open; what the door says against it has raised before."""
    settings = chosen_settings(options)
    answer = ask(settings, "unlock", key=options.key)
    print(f"The door `{settings.door.id}` is open for {answer['seconds']:g} s.")
    return 0
