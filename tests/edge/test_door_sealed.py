"""A whole door over a sealed store: another model, altered rows, somebody forgotten, and a roster that was put back."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest

from edge.clock import SystemClock
from edge.store.store import open_store
from edge.values import Embedding
from tests.edge.doors import CONFIG, RunningDoor, film
from tests.edge.eyes import an_eye, at_the_door, frame
from tests.edge.stores import found, person, pieces

KEEPING = f"{CONFIG}store: {{keep_crops: true}}\n"


@pytest.fixture(scope="module")
def door(faces: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDoor]:
    """Its people are of another model. Of Eileen there are pictures, of Ada none, and Bob's record was altered."""
    home = tmp_path_factory.mktemp("sealed")
    film(home / "scene.avi", [([(faces["resident"], 430)], 6), ([], 2)])
    eye = an_eye()
    looks = [eye.look(frame(at_the_door((faces["resident"], width)))) for width in (400, 410, 420, 430, 440)]
    crops = [look.crop.pixels for look in looks if look.crop is not None]
    with RunningDoor(home, KEEPING) as door:
        with open_store(door.settings.store, door.settings.state, SystemClock()) as store:
            store.add_person(person("eileen", "Eileen Unforgettable"), crops=crops)
            store.add_person(person("ada", "Ada Lovelace", seed=1))
            store.add_person(person("bob", "Bob", seed=2))
        with closing(sqlite3.connect(door.settings.state / "store.db")) as connection, connection:
            record = bytearray(connection.execute("SELECT record FROM people WHERE id = 'bob'").fetchone()[0])
            record[20] ^= 1
            connection.execute("UPDATE people SET record = ? WHERE id = 'bob'", (bytes(record),))
        yield door.start()


def journalled(door: RunningDoor) -> dict[str, str]:
    """Each notice of the door, and whom the last one of its kind named."""
    with closing(sqlite3.connect(door.settings.state / "store.db")) as connection:
        rows = [json.loads(data) for (data,) in connection.execute("SELECT data FROM journal WHERE kind = 'system'")]
    return {row["event"]: row.get("person_id", "") for row in rows}


def test_pictures_that_were_kept_let_a_person_in_with_another_model(door: RunningDoor) -> None:
    with door.session() as session:
        assert door.event(session, verdict="granted")["person_id"] == "eileen"
    told = journalled(door)
    assert told["references_renewed"] == "eileen"
    assert told["references_of_another_model"] == "ada"
    assert told["references_damaged"] == "bob"
    listed = door.ask("person.list")
    assert {one["person_id"]: one["state"] for one in listed["people"]} == {"eileen": "ready", "ada": "re_enrol"}
    assert listed["damaged"] == ["bob"]
    assert {"references_damaged", "references_of_another_model"} <= set(door.ask("selftest")["problems"])


def test_whoever_is_forgotten_is_in_no_file_and_on_no_topic(door: RunningDoor) -> None:
    state = door.settings.state
    needles = pieces(state, "eileen")
    assert found(state, needles) > 0.9 * len(needles) > 170
    shutil.copyfile(state / "store.db", door.home / "old.db")
    door.ask("person.delete", signer=door.key("people"), person_id="eileen")
    assert found(state, [*needles, b"Eileen Unforgettable"]) == 0
    with door.session("#") as session:
        asked = door.ask("person.list")
        heard = b""
        for incoming in session.follow(silence=1.0):
            heard += incoming.payload
            if "/response/person.list" in incoming.topic:
                break
    assert b'"capabilities"' in heard, "the retained topics came before the answer"
    assert b"eileen" not in heard.lower()
    assert [one["person_id"] for one in asked["people"]] == ["ada"]
    assert door.stop() == 0
    assert found(state, [*needles, b"Eileen Unforgettable"]) == 0


def test_people_who_were_put_back_under_a_newer_journal_stay_outside(door: RunningDoor) -> None:
    with closing(sqlite3.connect(door.settings.state / "store.db", isolation_level=None)) as connection:
        connection.execute("ATTACH ? AS old", (str(door.home / "old.db"),))
        for table in ("people", "person_references", "person_crops", "sealing", "counters"):
            connection.execute(f"DELETE FROM main.{table}")  # noqa: S608 - constants
            connection.execute(f"INSERT INTO main.{table} SELECT * FROM old.{table}")  # noqa: S608 - constants
    door.start()
    with door.session() as session:
        assert door.event(session, verdict="refused")["reason"] == "nobody_enrolled"
    assert "store_rollback" in journalled(door)
    assert "store_rollback" in door.ask("selftest")["problems"]
    assert door.ask("person.list")["people"] == []
    assert door.stop() == 0
    door.start()  # it has written much in its journal meanwhile, which must not make the old people as new as that
    with door.session() as session:
        assert door.event(session, verdict="refused")["reason"] == "nobody_enrolled"
    assert "store_rollback" in door.ask("selftest")["problems"]
    assert door.stop() == 0


def test_pictures_of_another_size_are_not_looked_at() -> None:
    assert an_eye().embed_pixels(np.zeros((128, 128, 3), np.uint8)) is None
    assert isinstance(an_eye().embed_pixels(np.full((112, 112, 3), 90, np.uint8)), Embedding)
