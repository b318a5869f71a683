"""`limen backup FILE`: everybody who is enrolled, in one sealed file. With the door stopped."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from edge.clock import SystemClock, rfc3339
from edge.commands.configuration import chosen_settings
from edge.errors import LimenError, StoreError
from edge.service.person_pins import backed_up
from edge.store.backup import Header
from edge.store.store import open_store


def execute(options: Namespace) -> int:
    """Write the file. 1 when somebody could not be read and is missing in it."""
    settings, clock = chosen_settings(options), SystemClock()
    secret = passphrase(options.passphrase_file)
    with open_store(settings.store, settings.state, clock) as store:
        header = Header(limen_backup=2, door=settings.door.id, made_at=rfc3339(clock.wall()))
        problem = ""
        try:
            kept, with_pin = backed_up(store)
        except StoreError as error:
            kept, with_pin, problem = {}, frozenset(), f"{error}; they are not in it"
        people = store.back_up(options.file, header, secret, kept)
        damaged = store.damaged
    for person in people:
        print(f"{person.id}  {person.name}{'  with their PIN' if person.id in with_pin else ''}")
    print(
        f"{len(people)} people are in {options.file}, which {'the passphrase' if secret else 'the master key'} opens."
    )
    print("Not in it: the door's own PIN, its journal, its keys and its configuration.")
    if damaged:
        print(f"limen: cannot be read, and not in it: {', '.join(damaged)}", file=sys.stderr)
    if problem:
        print(f"limen: {problem}", file=sys.stderr)
    return 1 if damaged or problem else 0


def passphrase(path: Path | None) -> str | None:
    """The text in `path` without the end of its line. Raises LimenError when it cannot be used."""
    if path is None:
        return None
    try:
        if path.stat().st_mode & 0o077:
            raise LimenError(f"{path}: other users may read the passphrase; run `chmod 600 {path}`")
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise LimenError(f"{path} cannot be read as text ({type(error).__name__})") from error
