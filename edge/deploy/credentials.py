"""The key that people are sealed with, encrypted for this machine by systemd where that is possible."""

from __future__ import annotations

import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.deploy.actions import Action, DeployError, Directory, File
from edge.deploy.layout import Layout
from edge.deploy.machine import Machine

NAME: Final = "limen-master-key"
KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class SealKey:
    """A new key that never stands in the clear on disk; one that is there stays."""

    path: Path

    def told(self) -> str:
        return f"make   {self.path} (a new key, encrypted for this machine, kept where it exists)"

    def do(self) -> None:
        if self.path.exists():
            return
        command = ("systemd-creds", "encrypt", f"--name={NAME}", "-", "-")
        try:
            done = subprocess.run(
                command, input=secrets.token_hex(KEY_BYTES).encode(), stdout=subprocess.PIPE, check=False
            )
        except OSError as error:
            raise DeployError(f"{command[0]} cannot be run: {error}") from error
        if done.returncode != 0:
            raise DeployError(f"`{' '.join(command)}` failed (exit code {done.returncode}); it says why above")
        # Not by the program itself: half a key, after a power cut, would be kept for ever.
        File(self.path, done.stdout, mode=0o600).do()


def sealed(layout: Layout, machine: Machine) -> tuple[Action, ...]:
    """A key for a store that has none yet. Elsewhere the door makes a key file, mode 0600, at its first start."""
    path = layout.credentials / f"{NAME}.cred"
    if not machine.seals_credentials or (layout.state / "master.key").exists():
        return ()
    drop_in = f"[Service]\nLoadCredentialEncrypted={NAME}:{path}\n"
    return (
        Directory(layout.credentials, mode=0o700),
        SealKey(path),
        Directory(layout.units / "limen.service.d"),
        File(layout.units / "limen.service.d/credentials.conf", drop_in),
    )
