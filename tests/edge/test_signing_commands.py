"""Keys, `send` and `unlock` as people type them, and the example of docs/mqtt.md as they copy it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.commands.send_command import arguments_of, as_json
from edge.errors import LimenError
from edge.mqtt.credentials import client_login
from tests.edge.doors import PATIENCE, RunningDoor, film
from tests.edge.test_commands import limen

CONFIG = """
door: {driver: mock, unlock_seconds: 0.3}
camera: {source: "file:scene.avi?loop=1"}
enrolment: {require_variety: false, references: 5}
mqtt: {broker: embedded, port: 0, allow: [read, enroll, people, unlock]}
"""
DOCUMENT = Path(__file__).parents[2] / "docs" / "mqtt.md"


@pytest.fixture(scope="module")
def door(faces: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDoor]:
    home = tmp_path_factory.mktemp("signing")
    film(home / "scene.avi", [([(faces["stranger"], 290)], 8), ([], 1)])
    with RunningDoor(home, CONFIG).start() as door:
        yield door


def test_an_answer_steers_no_terminal_and_is_still_json() -> None:
    answer = {"name": "Zoë 李", "detail": "\x1b[2J \x9b1m \u202egrant \U000e0041\n"}
    told = as_json(answer)
    assert json.loads(told) == answer
    assert "Zoë 李" in told
    assert all(one.isprintable() or one == "\n" for one in told)


def test_a_key_is_made_used_listed_and_revoked(door: RunningDoor) -> None:
    home = door.home
    assert "no keys" in limen("keys", "list", home=home).stdout
    made = limen("keys", "new", "phone", "--rights", "unlock,enrol", home=home)
    assert made.returncode == 0, made.stderr
    key_id = made.stdout.split()[0]
    assert (home / "phone.key").stat().st_mode & 0o777 == 0o600
    assert (home / "phone.key").read_text() not in (home / "state" / "keys.json").read_text()
    assert f"{key_id}  phone" in limen("keys", "list", home=home).stdout
    with door.session() as session:
        opened = limen("unlock", "--key", "phone.key", home=home)
        assert opened.returncode == 0, opened.stderr
        assert opened.stdout == "The door `front` is open for 0.3 s.\n"
        assert door.event(session, reason="remote")["key"] == key_id
    assert f"granted  {key_id}" in limen("events", home=home).stdout
    unsigned = limen("enroll", "Grace Hopper", home=home)
    assert unsigned.returncode == 1
    assert "not_signed" in unsigned.stderr
    enrolled = limen("enroll", "Grace Hopper", "--key", "phone.key", home=home)
    assert enrolled.returncode == 0, enrolled.stderr
    forget = limen("people", "--delete", "grace-hopper", "--key", "phone.key", home=home)
    assert forget.returncode == 1
    assert "does not have the right `people`" in forget.stderr
    assert limen("keys", "revoke", key_id, home=home).returncode == 0
    revoked = limen("unlock", "--key", "phone.key", home=home)
    assert revoked.returncode == 1
    assert "revoked" in revoked.stderr
    assert limen("keys", "revoke", key_id, home=home).returncode == 1


def test_send_speaks_every_command_and_shows_what_is_said(door: RunningDoor) -> None:
    home = door.home
    assert json.loads(limen("send", "selftest", home=home).stdout)["strike"] == "LOCKED"
    assert json.loads(limen("send", "events.query", "limit=2", home=home).stdout)["count"] <= 2
    assert limen("keys", "new", "owner", "--rights", "people,enroll", home=home).returncode == 0
    signed = ("--key", "owner.key")
    typed = limen("send", "pin.set", "pin=-", *signed, home=home, stdin="274951\n")
    assert (typed.returncode, json.loads(typed.stdout)) == (0, {"set": True}), typed.stderr
    taken = limen("send", "pin.set", "pin=", *signed, home=home)
    assert json.loads(taken.stdout) == {"set": False}
    for person in json.loads(limen("send", "person.list", *signed, home=home).stdout)["people"]:
        gone = limen("send", "person.delete", f"person_id={person['person_id']}", *signed, home=home)
        assert gone.returncode == 0, gone.stderr
    enrolled = limen("send", "enroll", "name=Grace Hopper", "references=5", *signed, home=home)
    assert json.loads(enrolled.stdout)["references"] == 5
    assert "done 5/5" in enrolled.stderr
    refused = limen("send", "unlock", *signed, home=home)
    assert refused.returncode == 1
    assert "does not have the right `unlock`" in refused.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("unlok",), "did you mean 'unlock'?"),
        (("fly",), "no such command"),
        (("enroll", "nam=Ada"), "did you mean 'name'?"),
        (("enroll", "name"), "write FIELD=VALUE"),
        (("enroll", "name=Ada", "references=many"), "references"),
        (("enroll",), "name"),
    ],
)
def test_what_makes_no_sense_is_told_before_it_is_sent(words: tuple[str, ...], told: str) -> None:
    with pytest.raises(LimenError, match=re.escape(told)):
        arguments_of(words[0], words[1:])


def test_fields_get_the_types_of_their_command() -> None:
    arguments = arguments_of("enroll", ["name=12", "references=7", "consent=true"])
    assert arguments == {"name": "12", "references": 7, "consent": True}
    assert arguments_of("pin.set", ["pin="]) == {"pin": None}
    assert arguments_of("pin.set", ["pin=012345"]) == {"pin": "012345"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("new",), "say a name"),
        (("revoke",), "say which id"),
        (("new", "phone"), "--rights: some of enroll,people,unlock"),
        (("new", "phone", "--rights", "everything"), "--rights: some of"),
        (("new", "../phone", "--rights", "unlock"), "the name of a key"),
        (("revoke", "0123"), "no key in force"),
    ],
)
def test_keys_that_cannot_be_made_say_why(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG, encoding="utf-8")
    done = limen("keys", *words, home=tmp_path)
    assert done.returncode == 1
    assert told in done.stderr
    assert list(tmp_path.glob("**/*.key")) == []


def test_the_example_of_the_contract_opens_the_door(door: RunningDoor) -> None:
    examples = re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (example,) = [one for one in examples if "sign(" in one]
    assert example.count("\n") <= 40
    door.key("unlock", name="example")
    login = client_login(door.settings)
    words = [login.host, str(login.port), login.username, login.password, str(door.home / "example.key")]
    before = door.pin.story().count("unlocked")
    with door.session() as session:
        done = subprocess.run(
            [sys.executable, "-c", example, *words], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert (done.returncode, done.stdout) == (0, "ok None\n"), done.stderr
        assert door.event(session, reason="remote")
    assert door.pin.story().count("unlocked") == before + 1
