"""The command line: `limen COMMAND`. Parses, calls one module of `edge.commands`, and turns errors into exit codes."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

from edge import __version__
from edge.commands.options import add_commands
from edge.errors import ConfigError, LimenError, ModelError, StoreBusyError, StrikeBusyError
from edge.log_lines import log_to_stderr, printable

EXIT_OK: Final = 0
EXIT_FAILED: Final = 1
EXIT_TEMPORARY: Final = 75  # EX_TEMPFAIL: something else holds what is needed; try again later
EXIT_CONFIG: Final = 78  # EX_CONFIG: systemd is told not to restart for it
EXIT_INTERRUPTED: Final = 130
_READER: Final = "camera"  # the name of the thread in edge/camera/reader.py, which is not imported for every command

_DESCRIPTION = """\
Limen, a camera door lock: a face that is enrolled opens the strike, and every visit is told over MQTT.

First steps:
  limen try                   see it work on this computer, with a webcam or without
  limen check-config          read config.yaml and say in words what the door will do
  limen run --preview         the door itself, and its picture at http://127.0.0.1:8766/
  limen enroll "Ada Lovelace" while `run` is running: look at the camera
  limen events --follow       who came, and why they were let in or not
"""
_EPILOG = """\
exit codes: 0 done · 1 failed or refused · 2 wrong usage · 75 busy, try later · 78 wrong configuration or models
"""


def build_parser() -> argparse.ArgumentParser:
    """The whole command line; the docs are tested against it."""
    parser = argparse.ArgumentParser(
        prog="limen", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"limen {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)

    def command(name: str, summary: str, story: str = "", *, configs: str = "one") -> argparse.ArgumentParser:
        added = commands.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.\n\n{story}".rstrip(),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if configs == "one":
            added.add_argument(
                "--config", type=Path, metavar="FILE", help="default: ./config.yaml, else /etc/limen/config.yaml"
            )
        return added

    add_commands(command)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    options = build_parser().parse_args(arguments)
    log_to_stderr()
    try:
        module = importlib.import_module(f"edge.commands.{options.command.replace('-', '_')}_command")
        code: int = module.execute(options)
        sys.stdout.flush()
    except LimenError as error:
        return _explain(error)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # `limen events | head`: whoever read is gone, and nobody is left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    else:
        return code
    return EXIT_OK


def _explain(error: LimenError) -> int:
    """Say what is wrong on standard error, a problem a line; returns the exit code that belongs to it."""
    problems = error.problems if isinstance(error, ConfigError) else (str(error),)
    for problem in problems:
        print(f"limen: {printable(problem)}", file=sys.stderr)
    if isinstance(error, ConfigError | ModelError):
        return EXIT_CONFIG
    return EXIT_TEMPORARY if isinstance(error, StoreBusyError | StrikeBusyError) else EXIT_FAILED


def program() -> NoReturn:
    """What `limen` starts: `main`, and an end that a camera which hangs cannot spoil."""
    code = main()
    if any(thread.name == _READER for thread in threading.enumerate()):
        # It hangs in a library and cannot be ended. A read that comes back while Python takes itself down is thrown out
        # through OpenCV's frames, which is std::terminate: SIGABRT, and not the exit code that systemd goes by. Every
        # room is closed by now, the strike locked; what an orderly end would still do is to flush.
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    program()
