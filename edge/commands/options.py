"""The options of the commands that set up, look after and measure a door; the others stand in `edge.__main__`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

# What adds a command: its name, what it does in a few words, and a longer story.
CommandAdder = Callable[..., argparse.ArgumentParser]


def add_broker_commands(command: CommandAdder) -> None:
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


def add_measuring_commands(command: CommandAdder) -> None:
    bench = command("bench", "measure each stage on this machine", "Milliseconds per stage, cold start and memory.")
    bench.add_argument("--frames", type=between(1, 100_000), default=200, metavar="N", help="frames to measure (200)")
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


def add_care_commands(command: CommandAdder) -> None:
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


def between(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{value} is not between {least} and {most}")
        return value

    return number
