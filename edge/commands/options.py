"""Every command of `limen` and its options."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

# What adds a command: its name, what it does in a few words, and a longer story.
CommandAdder = Callable[..., argparse.ArgumentParser]


def add_commands(command: CommandAdder) -> None:
    """In the order in which the help lists them."""
    _add_door_commands(command)
    _add_dashboard_command(command)
    _add_force_locked_command(command)
    _add_decision_commands(command)
    _add_audit_command(command)
    _add_keeping_commands(command)
    _add_signing_commands(command)
    _add_broker_commands(command)
    _add_care_commands(command)
    _add_measuring_commands(command)


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
    enroll.add_argument("--references", type=_between(5, 16), metavar="N", help="how many pictures, 5-16")
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
    board.add_argument(
        "--port", type=_between(0, 65535), metavar="N", help="instead of dashboard.port; 0: any free one"
    )


def _add_force_locked_command(command: CommandAdder) -> None:
    lock = command(
        "force-locked",
        "drive the strike's pin to its locked level, after everything else has died",
        "For systemd's ExecStopPost. Exit code 0: it is driven and follows; 75: a living strike holds the pin, which\n"
        "locks by itself, and nothing was done; 1: it could not be done; 78: nothing says which pin it is.",
    )
    lock.add_argument("--pin", type=_between(0, 27), metavar="N", help="where the configuration cannot be read")
    level = lock.add_mutually_exclusive_group()
    level.add_argument("--active-high", action="store_true", default=None, help="with --pin: a high pin opens")
    level.add_argument("--active-low", action="store_false", dest="active_high", help="with --pin: a low pin opens")


def _add_decision_commands(command: CommandAdder) -> None:
    policy = command(
        "policy",
        "explain what it takes to be let in",
        "The effective thresholds in words, how often strangers were let in when that was measured, for as many\n"
        "people as are enrolled, and who needs a second factor. Reads the store for itself, with the door running or\n"
        "stopped, and changes nothing.",
    )
    policy.add_argument("action", choices=("explain",), metavar="explain")

    replay = command(
        "replay",
        "decide a recording under another configuration and show what would change",
        "With the people who are enrolled now; touches neither strike nor journal, with the door running or stopped.",
        configs="two",
    )
    replay.add_argument("clip", type=Path, metavar="CLIP", help="a video file, or a folder of pictures")
    replay.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        action="append",
        required=True,
        help="the new configuration; given again, the present one (default: as for every command)",
    )
    replay.add_argument("--at", type=_moment, metavar="TIME", help="when it began, such as 2026-11-22T08:00:00+01:00")


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


def _add_broker_commands(command: CommandAdder) -> None:
    setup = command(
        "broker-setup",
        "make the files of a mosquitto with TLS, passwords and an access list",
        "Writes a certificate authority, certificates, passwords and mosquitto.conf into DIR, and says what to do.\n"
        "Again in the same DIR: authority and passwords stay, certificates are renewed, new doors come along.",
    )
    setup.add_argument("directory", type=Path, metavar="DIR", help="for example /etc/mosquitto/limen")
    setup.add_argument("--door", action="append", default=[], metavar="ID", help="a door's id; may be given repeatedly")
    setup.add_argument(
        "--host", action="append", default=[], metavar="NAME", help="how clients reach the broker; may be repeated"
    )
    setup.add_argument("--port", type=int, default=8883, metavar="N", help="the port for TLS (8883)")
    setup.add_argument(
        "--require-certificates", action="store_true", help="let nobody in without a client certificate of DIR"
    )

    command("uninstall-discovery", "remove the door from Home Assistant", "Works with the door running or stopped.")


def _add_measuring_commands(command: CommandAdder) -> None:
    bench = command("bench", "measure each stage on this machine", "Milliseconds per stage, cold start and memory.")
    bench.add_argument("--frames", type=_between(1, 100_000), default=200, metavar="N", help="frames to measure (200)")
    bench.add_argument(
        "--demo", action="store_true", help="measure on the demo's portraits, and a whole door with them"
    )
    bench.add_argument("--store", action="store_true", help="measure what sealing costs instead; needs no camera")
    bench.add_argument(
        "--dashboard", action="store_true", help="measure the dashboard with a long past instead; needs no camera"
    )
    bench.add_argument("--report", type=Path, metavar="FILE", help="write the tables into this page, between its marks")
    bench.add_argument(
        "--projection", type=Path, metavar="FILE", help="write into this page what a Raspberry Pi might need"
    )
    bench.add_argument("--json", action="store_true", help="print the measurements as JSON")

    probe = command(
        "probe",
        "detect and embed pictures, for measuring and comparing",
        'Prints {"ready": true}; then reads an image path a line and prints one JSON line for each.',
    )
    probe.add_argument("--stdin", action="store_true", required=True, help="read paths from standard input")
    probe.add_argument("--rule", choices=("largest", "centre"), default="largest", help="which face to embed (largest)")


def _add_care_commands(command: CommandAdder) -> None:
    doctor = command(
        "doctor",
        "look at everything the door needs, and say what mends what is wrong",
        "With the door running it asks the door; otherwise it opens models, store and camera itself. It moves no pin.",
    )
    doctor.add_argument("--bundle", type=Path, metavar="FILE", help="write what was found into FILE (.tar.gz)")
    doctor.add_argument("--json", action="store_true", help="one JSON object a line")
    doctor.add_argument("--only", choices=("models",), help="look at nothing else")

    newer = command(
        "upgrade",
        "install a newer version beside this one, and switch to it when it holds",
        "Needs an administrator. The door is away for seconds. Where the new version is not ready or does not stay up\n"
        "for a minute, the earlier one comes back, with its database as it was.",
    )
    newer.add_argument("--from", dest="source", type=Path, metavar="DIR", required=True, help="the newer checkout")


def _head(text: str) -> tuple[int, str]:
    if not re.fullmatch(r"\d{1,18}:[0-9a-f]{64}", text):
        raise argparse.ArgumentTypeError("it is a number, a colon and 64 of 0-9 a-f: see `audit_head` in `status`")
    seq, _, link = text.partition(":")
    return int(seq), link


def _person_id(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9_-]{1,64}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not 1-64 of a-z 0-9 _ -")
    return text


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)  # argparse tells of a ValueError
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text} has no time zone: end it with +01:00, or Z")
    return moment


def _between(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{value} is not between {least} and {most}")
        return value

    return number
