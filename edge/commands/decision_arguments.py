"""The command line of what looks at decisions without making any: `limen policy`, `limen replay`."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path

from edge.commands.options import CommandAdder


def add_decision_commands(command: CommandAdder) -> None:
    policy = command(
        "policy",
        "explain what it takes to be let in",
        "The effective thresholds in words, how often strangers were let in when that was measured, for as many\n"
        "people as are enrolled, and who needs a second factor. Reads the store for itself, with the door running or\n"
        "stopped, and changes nothing.",
    )
    policy.add_argument("action", choices=("explain",), metavar="explain")

    replay = command(
        "replay",
        "decide a recording under another configuration and show what would change",
        "With the people who are enrolled now; touches neither strike nor journal, with the door running or stopped.",
        configs="two",
    )
    replay.add_argument("clip", type=Path, metavar="CLIP", help="a video file, or a folder of pictures")
    replay.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        action="append",
        required=True,
        help="the new configuration; given again, the present one (default: as for every command)",
    )
    replay.add_argument("--at", type=_moment, metavar="TIME", help="when it began, such as 2026-11-22T08:00:00+01:00")


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)  # argparse tells of a ValueError
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text} has no time zone: end it with +01:00, or Z")
    return moment
