"""`limen key`: the master key that people are sealed under. Never shows the key itself."""

from __future__ import annotations

from argparse import Namespace

from edge.commands.configuration import chosen_settings
from edge.store.rotation import key_facts, rotate_key


def execute(options: Namespace) -> int:
    """Show which key it is, or make a new one."""
    state = chosen_settings(options).state
    if options.action == "show":
        facts = key_facts(state)
        where = facts.path or "not here: perhaps only the service has it, as a systemd credential"
        print(f"{facts.fingerprint}  seals {facts.people} people; the key is {where}")
        return 0
    old, new = rotate_key(state)
    print(f"{new.fingerprint}  is the master key now, in {new.settled}; {old.fingerprint} opens nothing here any more.")
    if old.path != new.settled:
        print(f"note: the old key is still in {old.path}. Put the new one there, and take its file away.")
    print("note: backups without a passphrase were sealed under the old key: make a new one.")
    return 0
