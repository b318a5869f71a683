"""`limen audit`: whether the journal is what the door wrote, and a copy of it that can be checked anywhere."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path

from edge.commands.configuration import chosen_settings
from edge.errors import LimenError
from edge.store.audit import check_export, check_store, export
from edge.store.chain import Finding


def execute(options: Namespace) -> int:
    """Check a store or an export, or write one. 1 when the chain does not hold."""
    if options.action == "export":
        if options.file is None or options.head is not None:
            raise LimenError("limen audit export: say which FILE to write, and no --head")
        finding, head = _export(chosen_settings(options).state, options.file)
    elif options.file is not None:
        finding, head = check_export(options.file, options.head)
    else:
        finding, head = check_store(chosen_settings(options).state, options.head)
    for note in finding.notes:
        print(f"note: {note}")
    if finding.problem is not None:
        raise LimenError(f"the journal is not what the door wrote: {finding.problem}")
    print(f"The journal is what the door wrote: {finding.rows} rows, head {head}")
    return 0


def _export(state: Path, target: Path) -> tuple[Finding, str]:
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            return export(state, file)
    except OSError as error:
        raise LimenError(f"{target} cannot be written: {error.strerror}") from error
