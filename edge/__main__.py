"""The command line: `limen COMMAND`. Parses, calls one module of `edge.commands`, and turns errors into exit codes."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import re
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

from edge import __version__
from edge.commands.decision_arguments import add_decision_commands
from edge.commands.options import CommandAdder, add_broker_commands, add_care_commands, add_measuring_commands, between
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

    _add_door_commands(command)
    _add_dashboard_command(command)
    _add_force_locked_command(command)
    add_decision_commands(command)
    _add_audit_command(command)
    _add_keeping_commands(command)
    _add_signing_commands(command)
    add_broker_commands(command)
    add_care_commands(command)
    add_measuring_commands(command)
    return parser


def _add_door_commands(command: CommandAdder) -> None:
    run = command("run", "watch the camera and work the door", "Stops cleanly on Ctrl-C or SIGTERM, strike off.")
    run.add_argument("--preview", action="store_true", help="serve the live picture on this machine (see preview.port)")

    enroll = command(
        "enroll",
        "enrol a person",
        "With the door running, opens an enrolment window over MQTT (mqtt.allow must contain `enroll`) and shows the\n"
        "prompts. With --photos the door must be stopped: photographs are never sent to it.",
    )
    enroll.add_argument("name", metavar="NAME", help="as people write it, up to 80 characters")
    enroll.add_argument("--person-id", type=_person_id, metavar="ID", help="a-z 0-9 _ - (made from the name)")
    enroll.add_argument("--references", type=between(5, 16), metavar="N", help="how many pictures, 5-16")
    enroll.add_argument("--photos", type=Path, metavar="DIR", help="take the photographs in DIR instead")
    enroll.add_argument("--consent", action="store_const", const=True, help="the person agreed; it is kept with them")
    enroll.add_argument("--minor", action="store_const", const=True, help="a child: always needs a second factor")

    people = command(
        "people", "list who is enrolled", "Over MQTT while the door runs, from the store when it is stopped."
    )
    people.add_argument("--delete", metavar="ID", help="forget this person and all references")
    people.add_argument("--json", action="store_true", help="one JSON object a line")
    for signing in (enroll, people):
        signing.add_argument("--key", type=Path, metavar="FILE", help="sign with this private key (limen keys new)")

    events = command("events", "show what happened at the door", "Live and late events from the broker, as a table.")
    events.add_argument("--follow", action="store_true", help="go on until Ctrl-C; otherwise show the latest and end")
    events.add_argument("--json", action="store_true", help="one JSON object a line")

    command("check-config", "read the configuration and say what the door will do")
    attempt = command(
        "try",
        "see it work on this computer",
        "Starts a private broker and the door with a mock strike in a folder of its own, and enrols the person in\n"
        "front of the camera over MQTT. With a webcam that is you; without one, two public-domain portraits walk past.",
    )
    attempt.add_argument("--demo", action="store_true", help="the two portraits, even if there is a webcam")
    attempt.add_argument("--seconds", type=float, metavar="S", help="end after S seconds at the latest")


def _add_dashboard_command(command: CommandAdder) -> None:
    board = command(
        "dashboard",
        "show the doors, who came and why, as a web page",
        "Watches all doors of the broker until Ctrl-C. The first time it makes the login `admin` and prints its\n"
        "password, once. `passwd NAME` gives a login a new one, `logins` lists them.",
    )
    board.add_argument("action", nargs="?", default="run", choices=("run", "passwd", "logins"), metavar="passwd|logins")
    board.add_argument("name", nargs="?", metavar="NAME", help="whose password")
    board.add_argument("--port", type=between(0, 65535), metavar="N", help="instead of dashboard.port; 0: any free one")


def _add_force_locked_command(command: CommandAdder) -> None:
    lock = command(
        "force-locked",
        "drive the strike's pin to its locked level, after everything else has died",
        "For systemd's ExecStopPost. Exit code 0: it is driven and follows; 75: a living strike holds the pin, which\n"
        "locks by itself, and nothing was done; 1: it could not be done; 78: nothing says which pin it is.",
    )
    lock.add_argument("--pin", type=between(0, 27), metavar="N", help="where the configuration cannot be read")
    level = lock.add_mutually_exclusive_group()
    level.add_argument("--active-high", action="store_true", default=None, help="with --pin: a high pin opens")
    level.add_argument("--active-low", action="store_false", dest="active_high", help="with --pin: a low pin opens")


def _add_audit_command(command: CommandAdder) -> None:
    audit = command(
        "audit",
        "check that nobody altered the journal, or export it",
        "Reads the store for itself, and changes nothing, with the door running or stopped. `verify` checks the hash\n"
        "chain over all events, here or in an exported FILE; exit code 1 says that it does not hold.",
    )
    audit.add_argument("action", choices=("verify", "export"), metavar="verify|export")
    audit.add_argument("file", nargs="?", type=Path, metavar="FILE", help="the export to check, or to write")
    audit.add_argument("--head", type=_head, metavar="SEQ:HASH", help="an earlier `audit_head` that must be in it")


def _add_keeping_commands(command: CommandAdder) -> None:
    master = command(
        "key",
        "show or renew the master key that people are sealed under",
        "`show` names the key by its fingerprint. `rotate` makes a new one, with the door stopped; the old one opens\n"
        "nothing here any more.",
    )
    master.add_argument("action", choices=("show", "rotate"), metavar="show|rotate")
    for name, summary, story in (
        (
            "backup",
            "write everybody who is enrolled into a sealed file",
            "With the door stopped; the key is not inside.",
        ),
        ("restore", "put everybody of a backup back, or nobody", "With the door stopped. Nobody is deleted."),
    ):
        keeping = command(name, summary, story)
        keeping.add_argument("file", type=Path, metavar="FILE", help="the backup")
        keeping.add_argument(
            "--passphrase-file", type=Path, metavar="P", help="sealed under the passphrase in P, not the master key"
        )
        if name == "restore":
            keeping.add_argument("--replace", action="store_true", help="also put people back who changed since")


def _add_signing_commands(command: CommandAdder) -> None:
    keys = command(
        "keys",
        "make, list and revoke the keys that commands are signed with",
        "Works on the door's own files, at once and also while the door runs.",
    )
    keys.add_argument("action", choices=("new", "list", "revoke"), metavar="new|list|revoke")
    keys.add_argument("who", nargs="?", metavar="NAME|ID", help="a name for the new key; the id of the one to revoke")
    keys.add_argument("--rights", metavar="LIST", help="of the new key: enroll,people,unlock or some of them")
    keys.add_argument("--out", type=Path, metavar="FILE", help="where the new private key goes (NAME.key)")

    send = command(
        "send",
        "send any command and show what the door answers",
        "Commands and fields are in docs/mqtt.md; FIELD=- reads the value from standard input. With --key, commands\n"
        "that change something are signed: a challenge is fetched first.",
    )
    send.add_argument("request", metavar="COMMAND", help="such as person.list, pin.set or unlock")
    send.add_argument("fields", nargs="*", metavar="FIELD=VALUE", help="what the command carries")
    send.add_argument("--key", type=Path, metavar="FILE", help="sign with this private key (limen keys new)")

    unlock = command(
        "unlock", "open the door from here", "mqtt.allow must contain `unlock`, and so must the key's rights."
    )
    unlock.add_argument("--key", type=Path, metavar="FILE", required=True, help="the private key to sign with")


def _head(text: str) -> tuple[int, str]:
    if not re.fullmatch(r"\d{1,18}:[0-9a-f]{64}", text):
        raise argparse.ArgumentTypeError("it is a number, a colon and 64 of 0-9 a-f: see `audit_head` in `status`")
    seq, _, link = text.partition(":")
    return int(seq), link


def _person_id(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9_-]{1,64}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not 1-64 of a-z 0-9 _ -")
    return text


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
