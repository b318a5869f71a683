"""The steps of an installation. Each says what it will do, does it, and does no harm when it is done again."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from edge.errors import LimenError


class DeployError(LimenError):
    """A step could not be done; what was there before it is still there."""


class Action(Protocol):
    def told(self) -> str:
        """What it does, in a line."""

    def do(self) -> None:
        """Raises DeployError."""


@dataclass(frozen=True, slots=True)
class Run:
    """A program with its arguments; `needed` False: its failure is told and nothing more."""

    command: tuple[str, ...]
    needed: bool = True
    environment: Mapping[str, str] = field(default_factory=dict)

    def told(self) -> str:
        return "run    " + " ".join(self.command)

    def do(self) -> None:
        try:
            done = subprocess.run(
                self.command, stdin=subprocess.DEVNULL, env=os.environ | self.environment, check=False
            )
        except OSError as error:
            raise DeployError(f"{self.command[0]} cannot be run: {error}") from error
        if done.returncode == 0:
            return
        if self.needed:
            raise DeployError(f"`{' '.join(self.command)}` failed (exit code {done.returncode}); it says why above")
        print(f"       (it failed with exit code {done.returncode}; going on)")


@dataclass(frozen=True, slots=True)
class Directory:
    path: Path
    mode: int = 0o755
    owner: str = "root"

    def told(self) -> str:
        return f"make   {self.path}/ ({self.mode:04o} {self.owner})"

    def do(self) -> None:
        _attempt(self.path, lambda: self.path.mkdir(parents=True, exist_ok=True))
        _own(self.path, self.mode, self.owner)


@dataclass(frozen=True, slots=True)
class File:
    """A file with this text, on the disk when it is done. `keep`: one that is there already stays as it is."""

    path: Path
    text: str | bytes = field(repr=False)
    mode: int = 0o644
    owner: str = "root"
    keep: bool = False

    def told(self) -> str:
        kept = ", kept where it exists" if self.keep else ""
        return f"write  {self.path} ({self.mode:04o} {self.owner}{kept})"

    def do(self) -> None:
        if self.keep and self.path.exists():
            return
        # Beside it first, so that a cut leaves the old file or the new one.
        unfinished = _unfinished(self.path)

        def write() -> None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.unlink(missing_ok=True)
            unfinished.touch(mode=0o600)
            unfinished.write_bytes(self.text if isinstance(self.text, bytes) else self.text.encode())
            _own(unfinished, self.mode, self.owner)
            sync(unfinished)
            unfinished.replace(self.path)
            with contextlib.suppress(OSError):  # not every file system of a boot partition can
                sync(self.path.parent)

        try:
            _attempt(self.path, write)
        finally:
            unfinished.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Tree:
    """A copy of some files and folders of `source`; what is not theirs to keep (caches) stays behind."""

    source: Path
    names: tuple[str, ...]
    to: Path

    def told(self) -> str:
        return f"copy   {', '.join(self.names)} -> {self.to}"

    def do(self) -> None:
        def copy() -> None:
            shutil.rmtree(self.to, ignore_errors=True)
            self.to.mkdir(parents=True)
            for name in self.names:
                if (self.source / name).is_dir():
                    shutil.copytree(self.source / name, self.to / name, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    shutil.copyfile(self.source / name, self.to / name)

        _attempt(self.to, copy)


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link, replaced in one step."""

    path: Path
    target: Path

    def told(self) -> str:
        return f"link   {self.path} -> {self.target}"

    def do(self) -> None:
        unfinished = _unfinished(self.path)

        def link() -> None:
            unfinished.unlink(missing_ok=True)
            unfinished.symlink_to(self.target)
            unfinished.replace(self.path)

        _attempt(self.path, link)


@dataclass(frozen=True, slots=True)
class Remove:
    """A file or a whole folder; nothing where there is none. `only_empty`: a folder in which nothing is left."""

    path: Path
    only_empty: bool = False

    def told(self) -> str:
        return f"remove {self.path}"

    def do(self) -> None:
        def remove() -> None:
            if self.only_empty:
                with contextlib.suppress(OSError):  # something of somebody else's is in it
                    self.path.rmdir()
            elif self.path.is_dir() and not self.path.is_symlink():
                shutil.rmtree(self.path)
            else:
                self.path.unlink(missing_ok=True)

        _attempt(self.path, remove)


def _unfinished(path: Path) -> Path:
    """Always the same, so that what a kill left behind goes with the next attempt."""
    return path.with_name(f".{path.name}.unfinished")


def _attempt(path: Path, work: object) -> None:
    assert callable(work)
    try:
        work()
    except OSError as error:
        raise DeployError(f"{path}: {error.strerror or error}") from error


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk when this returns."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _own(path: Path, mode: int, owner: str) -> None:
    """`owner` is `user` or `user:group`; only an administrator can give files away."""

    def change() -> None:
        path.chmod(mode)
        if os.geteuid() == 0:
            user, _, group = owner.partition(":")
            shutil.chown(path, user, group or user)

    try:
        _attempt(path, change)
    except LookupError as error:
        raise DeployError(f"{path}: {error}") from error
