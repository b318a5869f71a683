"""Where everything goes on an installed machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """All paths below `root`, which is `/` except where an image is prepared."""

    root: Path = Path("/")

    @property
    def opt(self) -> Path:
        return self.root / "opt/limen"

    @property
    def versions(self) -> Path:
        return self.opt / "versions"

    @property
    def current(self) -> Path:
        """The link to the version in use."""
        return self.opt / "current"

    @property
    def etc(self) -> Path:
        return self.root / "etc/limen"

    @property
    def config(self) -> Path:
        return self.etc / "config.yaml"

    @property
    def credentials(self) -> Path:
        return self.etc / "credentials"

    @property
    def state(self) -> Path:
        return self.root / "var/lib/limen"

    @property
    def board(self) -> Path:
        """The dashboard's own state."""
        return self.root / "var/lib/limen-dashboard"

    @property
    def units(self) -> Path:
        return self.root / "etc/systemd/system"

    @property
    def users(self) -> Path:
        return self.root / "etc/sysusers.d/limen.conf"

    @property
    def command(self) -> Path:
        return self.root / "usr/local/bin/limen"

    def program(self, version: Path) -> Path:
        """The `limen` of an installed version."""
        return version / "venv/bin/limen"
