"""The command line as people type it: what it prints, and the exit code that scripts and systemd go by."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.commands.bench_command import as_markdown, as_projection
from edge.commands.events_command import line
from edge.commands.probe_command import choose
from edge.errors import LimenError
from edge.mqtt.credentials import client_login
from edge.service.measure import DoorFigures, Figures, Stage
from edge.values import Box, Face
from tests.edge.brokers import plain_client
from tests.edge.doors import CONFIG, PATIENCE, RunningDoor, film
from tests.edge.eyes import MODELS

Done = subprocess.CompletedProcess[str]


def limen(*words: str | Path, home: Path, stdin: str = "") -> Done:
    command = [sys.executable, "-m", "edge", *map(str, words)]
    return subprocess.run(command, input=stdin, cwd=home, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    (tmp_path / "config.yaml").chmod(0o600)
    return tmp_path


def test_check_config_says_what_the_door_will_do(home: Path) -> None:
    done = limen("check-config", home=home)
    assert done.returncode == 0
    assert "nothing moves (door.driver: mock)" in done.stdout
    assert "read, enroll, people, unlock" in done.stdout
    assert "3 of the last 5 good frames" in done.stdout


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("acess: {}", "acess: unknown key (did you mean 'access'?)"),
        ("access: {detection_threshold: 0.1}", "access.detection_threshold: 0.1 lowers the door's security"),
        ("vision: {embedder: nobody}", "nobody.json: not found"),
        ("door: {pin: 99}", "door.pin:"),
        ("door: {pin: 4}", "door.pin: GPIO 4 is high while the Pi boots"),
        ("inputs: {contact_pin: 17}", "inputs.contact_pin: GPIO 17 is door.pin already"),
        ("- a list", "the file must hold keys and values"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_exit_78_and_named(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    for command in ("check-config", "run"):
        done = limen(command, home=tmp_path)
        assert done.returncode == 78
        assert told in done.stderr
        assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("state/pin-*.trace")), "the pin was never driven"


def test_no_configuration_at_all_says_where_it_was_looked_for(tmp_path: Path) -> None:
    done = limen("check-config", home=tmp_path)
    assert done.returncode == 78
    assert "config.yaml" in done.stderr


@pytest.mark.parametrize("harm", ["altered", "missing", "no card"])
def test_a_model_that_is_not_what_its_card_says_keeps_the_door_from_starting(home: Path, harm: str) -> None:
    shutil.copytree(MODELS, home / "models")
    model = home / "models" / "mobilefacenet.tflite"
    if harm == "altered":
        content = bytearray(model.read_bytes())
        content[1000] ^= 1
        model.write_bytes(content)
    elif harm == "missing":
        model.unlink()
    else:
        model.with_suffix(".json").unlink()
    done = limen("run", home=home)
    assert done.returncode == 78
    assert "mobilefacenet" in done.stderr
    level = home / "state" / "pin-17.level"
    assert not level.exists() or level.read_text() == "0", "the strike was never energised"


def test_wrong_usage_teaches() -> None:
    done = limen("enrol", home=Path.cwd())
    assert done.returncode == 2
    assert "enroll" in done.stderr


def test_probe_answers_every_path_with_one_line(home: Path, faces: dict[str, Any]) -> None:
    both = np.zeros((600, 1100, 3), np.uint8)
    both[:512, :512] = faces["resident"]
    both[:600, 580:1092] = faces["stranger"]
    cv2.imwrite(str(home / "both.png"), both)
    cv2.imwrite(str(home / "nobody.png"), np.full((200, 300, 3), 90, np.uint8))
    (home / "text.jpg").write_text("not a picture", encoding="utf-8")
    done = limen(
        "probe", "--stdin", "--rule", "centre", home=home, stdin="both.png\nnobody.png\ntext.jpg\nmissing.png\n"
    )
    assert done.returncode == 0, done.stderr
    ready, pair, nobody, text, missing = map(json.loads, done.stdout.splitlines())
    assert ready == {"ready": True}
    assert pair["n"] == 2
    assert pair["shape"] == [600, 1100, 3]
    assert [face["vector"] is not None for face in pair["faces"]].count(True) == 1
    chosen = pair["faces"][pair["chosen"]]
    assert len(chosen["vector"]) == 192
    assert np.linalg.norm(chosen["vector"]) == pytest.approx(1, abs=1e-4)
    assert np.array(chosen["landmarks"]).shape == (5, 2)
    assert pair["t_detect"] > 0
    assert pair["t_embed"] > 0
    assert (nobody["n"], nobody["chosen"], nobody["error"]) == (0, None, None)
    assert text["error"] == missing["error"] == "not a readable picture"


def test_probe_chooses_the_largest_face_or_the_one_in_the_middle() -> None:
    points = np.zeros((6, 2), np.float32)
    corner, middle = Face(Box(0, 0, 80, 80), 0.9, points), Face(Box(290, 210, 60, 60), 0.8, points)
    assert choose([corner, middle], (480, 640, 3), "largest") == 0
    assert choose([corner, middle], (480, 640, 3), "centre") == 1


def test_an_event_reads_as_one_row() -> None:
    event = {
        "ts": "2026-11-22T08:17:22.123Z", "verdict": "refused", "reason": "quality:too_dark", "person": None,
        "person_id": None, "similarity": None, "votes": 0, "references": 0, "latency_ms": None,
    }  # fmt: skip
    assert "refused" in line(event, colour=False)
    assert "quality:too dark" in line(event, colour=False)
    assert r"\x1b[2J" in line(event | {"person": "Ada\x1b[2J"}, colour=False), "nobody steers the terminal"
    assert "camera_lost" in line({"ts": event["ts"], "event": "camera_lost", "detail": "unplugged"}, colour=False)


def test_the_bench_page_tells_every_figure_it_was_given() -> None:
    figures = Figures(
        {"cpu": "A CPU", "architecture": "a", "python": "3", "runtime": "r"},
        7,
        {"detect": Stage(1.25, 2.5, 0.5)},
        DoorFigures(0.51, 1.78, 15.0, 3, 149.0),
        {"2": Stage(3.25, 4.5, 1.0)},
        megabytes_a_day=9.6,
        temperature_celsius=51.0,
    )
    page = as_markdown(figures)
    for figure in (
        "A CPU",
        "7 frames",
        "| detect | 1.25 | 2.50 | 0.50 |",
        "0.51 s",
        "1.78 s",
        "15.0",
        "| 3 |",
        "149 MB",
        "| 2 | 3.25 | 4.50 |",
        "9.6 MB",
        "51 °C",
    ):
        assert figure in page


def test_a_projection_multiplies_a_desktops_figure_and_refuses_a_boards() -> None:
    machine = {"cpu": "A CPU", "architecture": "x86_64", "python": "3", "runtime": "r"}
    stages = {"total": Stage(10.0, 12.0, 3.0)}
    assert "| Raspberry Pi 4 | about 100 ms | about 10 |" in as_projection(Figures(machine, 7, stages))
    with pytest.raises(LimenError, match="measured ones"):
        as_projection(Figures(machine | {"architecture": "aarch64"}, 7, stages))


@pytest.fixture(scope="module")
def working(faces: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDoor]:
    """A door at work, with one resident who comes and goes."""
    home = tmp_path_factory.mktemp("working")
    film(home / "scene.avi", [([(faces["resident"], 430)], 8), ([], 2)])
    with RunningDoor(home).start() as door:
        yield door


def test_enroll_people_and_events_talk_to_the_running_door(working: RunningDoor) -> None:
    home = working.home
    enrolled = limen("enroll", "Eileen Collins", "--person-id", "eileen", home=home)
    assert enrolled.returncode == 0, enrolled.stderr
    assert "Eileen Collins is enrolled as `eileen` with 5 references." in enrolled.stdout
    assert "[#####] Done." in enrolled.stdout
    (person,) = map(json.loads, limen("people", "--json", home=home).stdout.splitlines())
    assert person["person_id"] == "eileen"
    assert person["usable"]
    with working.session() as session:
        working.event(session, verdict="granted")
    events = [json.loads(row) for row in limen("events", "--json", home=home).stdout.splitlines()]
    assert [one["person_id"] for one in events if one.get("verdict") == "granted"]
    assert len({one["id"] for one in events}) == len(events)
    table = limen("events", home=home).stdout
    assert "granted" in table
    assert "Eileen Collins" in table
    with plain_client(client_login(working.settings), "forger") as forger:
        for rubbish in (b"nonsense", b"[" * 3000, b'{"id":"x","ts":"soon","verdict":"granted"}'):
            forger.publish(working.topics.event("access"), rubbish, qos=1, retain=True).wait_for_publish(PATIENCE)
            with_rubbish = limen("events", home=home)
            assert (with_rubbish.returncode, with_rubbish.stderr) == (0, "")
            assert "Eileen Collins" in with_rubbish.stdout
        forger.publish(working.topics.event("access"), b"", qos=1, retain=True).wait_for_publish(PATIENCE)
    busy = limen("enroll", "Ada", "--photos", home, home=home)
    assert busy.returncode == 75
    assert "stop it first" in busy.stderr
    again = limen("enroll", "Somebody Else", home=home)
    assert again.returncode == 1
    assert "already_enrolled" in again.stderr
    unsigned = limen("people", "--delete", "eileen", home=home)
    assert unsigned.returncode == 1
    assert "not_signed" in unsigned.stderr
    assert limen("keys", "new", "owner", "--rights", "people", home=home).returncode == 0
    forget = ("people", "--delete", "eileen", "--key", "owner.key")
    assert limen(*forget, home=home).stdout.startswith("Nobody is enrolled")
    assert limen(*forget, home=home).returncode == 1


def test_events_and_enroll_without_a_door_say_so(home: Path) -> None:
    for words in (("events",), ("enroll", "Ada")):
        done = limen(*words, home=home)
        assert done.returncode == 1
        assert "is `limen run` running?" in done.stderr


def test_bench_measures_the_configured_camera(home: Path, faces: dict[str, Any]) -> None:
    film(home / "scene.avi", [([(faces["resident"], 430)], 2)])
    done = limen("bench", "--frames", "5", "--json", home=home)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["frames"] == 5
    assert set(figures["stages"]) == {"detect", "landmarks", "align", "embed", "total"}
    assert figures["stages"]["embed"]["ratio"] == 1
    assert figures["stages"]["total"]["p50"] >= figures["stages"]["embed"]["p50"]
