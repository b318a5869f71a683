"""The sealed key: whole or not there, made once, never in the clear."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from edge.deploy.actions import DeployError
from edge.deploy.credentials import SealKey

# Stands in for systemd-creds, which needs a running systemd: what comes in goes out as it is, as far as there is room.
PROGRAM = """#!/bin/sh
if [ "$4" = - ]; then cat; else head -c 5 >"$4"; fi
exit "$LIMEN_TEST"
"""


@pytest.fixture
def creds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the key goes; a folder of its own."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "systemd-creds").write_text(PROGRAM)
    (programs / "systemd-creds").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("LIMEN_TEST", "0")
    return tmp_path / "credentials/key.cred"


def test_a_key_is_made_once_and_kept(creds: Path) -> None:
    SealKey(creds).do()
    first = creds.read_bytes()
    assert len(first) == 64
    assert stat.S_IMODE(creds.stat().st_mode) == 0o600
    SealKey(creds).do()
    assert creds.read_bytes() == first


def test_a_key_that_could_not_be_sealed_leaves_nothing_that_would_be_kept(
    creds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIMEN_TEST", "1")
    with pytest.raises(DeployError, match="exit code 1"):
        SealKey(creds).do()
    assert not creds.exists()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DeployError, match="cannot be run"):
        SealKey(creds).do()
