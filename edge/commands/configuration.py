"""Which configuration file a command works with."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path
from typing import Final

from edge.config import read_config
from edge.errors import ConfigError
from edge.settings import Settings

_PLACES: Final = (Path("config.yaml"), Path("/etc/limen/config.yaml"))


def chosen_settings(options: Namespace) -> Settings:
    """Settings from --config, else from the first of the usual places. Raises ConfigError."""
    return read_config(chosen_file(options))


def chosen_file(options: Namespace) -> Path:
    """The file that --config names, else the first there is in the usual places. Raises ConfigError."""
    if options.config is not None:
        file: Path = options.config
        return file
    for place in _PLACES:
        if os.path.exists(place):  # noqa: PTH110 - a folder that may not be looked into holds none
            return place
    raise ConfigError(f"no configuration: looked for {' and '.join(map(str, _PLACES))}; name one with --config FILE")
