"""The people of a running door: enrolled beside a relative, looked at, changed, and forgotten, over MQTT."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.clock import SystemClock
from edge.errors import MessageError
from edge.mqtt.keys import Signer
from edge.mqtt.messages import Progress, Response
from edge.store.store import open_store
from edge.values import Embedding, Person, frozen_array
from tests.edge.doors import CLOCK, CONFIG, PATIENCE, RunningDoor, film
from tests.edge.eyes import an_eye, at_the_door, frame
from tests.edge.wires import wire

ALIKE = 0.54  # below the door's detection threshold, and nearer to it than its margin


@pytest.fixture(scope="module")
def door(faces: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDoor]:
    """A door that knows somebody who is much like the resident, and somebody of another model."""
    home = tmp_path_factory.mktemp("roll")
    film(home / "scene.avi", [([(faces["resident"], 430)], 8), ([], 2)])
    door = RunningDoor(home, CONFIG.replace("references: 5", "references: 6"))
    seen = an_eye().look(frame(at_the_door((faces["resident"], 430)))).embedding
    assert seen is not None
    old = Person("old", "Old Model", (Embedding(seen.vector, "of-another-one"),) * 5, SystemClock().wall())
    with open_store(door.settings.store, door.settings.state, SystemClock()) as store:
        store.add_person(relative(seen))
        store.add_person(old)
    with door.start():
        yield door


@pytest.fixture(scope="module")
def owner(door: RunningDoor) -> Signer:
    return door.key("people", name="owner")


def relative(of: Embedding) -> Person:
    """Somebody whose face is as like this one as ALIKE says, ten times with a little difference."""
    rng = np.random.default_rng(8)
    aside = rng.normal(size=of.vector.size)
    aside -= (aside @ of.vector) * of.vector
    middle = ALIKE * of.vector + np.sqrt(1 - ALIKE**2) * aside / np.linalg.norm(aside)
    vectors = (middle + rng.normal(0, 0.01, of.vector.size) for _ in range(10))
    references = (frozen_array((one / np.linalg.norm(one)).astype(np.float32)) for one in vectors)
    who = tuple(Embedding(one, of.space) for one in references)
    return Person("sister", "Her Sister", who, SystemClock().wall())


def by_id(people: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["person_id"]: one for one in people}


@pytest.fixture(scope="module")
def enrolled(door: RunningDoor, owner: Signer) -> dict[str, Any]:
    assert owner is not None
    return door.ask("enroll", name="Eileen Collins", person_id="eileen", consent=True)


def test_whoever_looks_like_somebody_is_enrolled_with_a_warning_and_both_need_more_than_a_face(
    door: RunningDoor, enrolled: dict[str, Any]
) -> None:
    assert enrolled["nearest"]["person_id"] == "sister"
    assert enrolled["nearest"]["similarity"] == pytest.approx(ALIKE, abs=0.03)
    assert any("looks much like somebody" in warning for warning in enrolled["warnings"])
    assert any("1 must be enrolled again" in warning for warning in enrolled["warnings"])
    assert (enrolled["second_factor"], enrolled["because"]) == ("needed", "looks_like_another")
    people = by_id(door.ask("person.list")["people"])
    told = {name: (one["usable"], one["second_factor"], one["because"]) for name, one in people.items()}
    assert told == {
        "sister": (True, "needed", "looks_like_another"),
        "old": (False, "not_needed", None),
        "eileen": (True, "needed", "looks_like_another"),
    }
    assert [people[name]["consent"] for name in ("eileen", "sister")] == [True, None]


def test_the_audit_names_who_is_too_close_by_which_references_and_who_must_be_enrolled_again(
    door: RunningDoor, enrolled: dict[str, Any]
) -> None:
    audit = door.ask("gallery.audit")
    assert {one["person_id"]: one["nearest"]["person_id"] for one in audit["too_close"]} == {
        "sister": "eileen",
        "eileen": "sister",
    }
    assert {one["person_id"] for one in audit["near_misses"]} == {"sister", "eileen"}
    told = by_id(audit["people"])
    assert told["eileen"]["recognised"] == enrolled["references"]
    assert told["sister"]["not_recognised"] == []
    assert audit["of_another_model"] == ["old"]
    assert audit["damaged"] == []


def test_references_are_told_without_a_single_number_of_their_embeddings(
    door: RunningDoor, enrolled: dict[str, Any]
) -> None:
    told = door.ask("reference.list", person_id="eileen")["references"]
    assert [one["number"] for one in told] == list(range(1, enrolled["references"] + 1))
    assert all(one["nearest"]["person_id"] == "sister" and one["recognised"] for one in told)
    assert set(told[0]) == {"number", "space", "median_own", "worst_own", "nearest", "recognised"}
    old = door.ask("reference.list", person_id="old")["references"]
    assert [one["median_own"] for one in old] == [None] * 5
    with pytest.raises(MessageError) as nobody:
        door.ask("reference.list", person_id="nobody")
    assert nobody.value.code == "no_such_person"


def test_references_can_be_forgotten_down_to_five(door: RunningDoor, owner: Signer, enrolled: dict[str, Any]) -> None:
    assert enrolled["references"] == 6

    def forget(number: int, who: str = "eileen") -> dict[str, Any]:
        return door.ask("reference.delete", signer=owner, person_id=who, number=number)

    def refusal(number: int, who: str = "eileen") -> str:
        with pytest.raises(MessageError) as refused:
            forget(number, who)
        return refused.value.code

    assert refusal(7) == "no_such_reference"
    assert refusal(1, "nobody") == "no_such_person"
    assert forget(6) == {"person_id": "eileen", "references": 5}
    assert refusal(1) == "too_few_references"
    assert len(door.ask("reference.list", person_id="eileen")["references"]) == 5
    with pytest.raises(MessageError) as unsigned:
        door.ask("reference.delete", person_id="sister", number=1)
    assert unsigned.value.code == "not_signed"


def test_a_guest_is_given_an_end_and_hours_and_loses_them_again(
    door: RunningDoor, owner: Signer, enrolled: dict[str, Any]
) -> None:
    schedule = {"timezone": "Europe/Berlin", "hours": [{"days": ["sat"], "start": "08:00", "end": "12:30"}]}
    set_to = {"name": "Sister", "valid_until": "2030-01-01T00:00:00+01:00", "schedule": schedule}
    told = door.ask("person.set", signer=owner, person_id="sister", second_factor="never", **set_to)
    assert told == by_id(door.ask("person.list")["people"])["sister"]
    assert (told["name"], told["valid_until"], told["schedule"]) == ("Sister", "2029-12-31T23:00:00.000Z", schedule)
    assert (told["second_factor"], told["because"]) == ("not_needed", "overridden")
    with door.session() as session:
        list(session.request("events.query", {"limit": 5}, timeout=PATIENCE))
        changed = door.event(session, event="person_changed")
    assert (changed["person_id"], changed["detail"]) == ("sister", "name, valid_until, schedule, second_factor")
    cleared = {"valid_until": None, "schedule": None, "second_factor": None}
    told = door.ask("person.set", signer=owner, person_id="sister", **cleared)
    assert (told["valid_until"], told["schedule"], told["because"]) == (None, None, "looks_like_another")
    for wrong, code in (
        ({"person_id": "nobody", "name": "X"}, "no_such_person"),
        ({"person_id": "sister"}, "malformed"),
    ):
        with pytest.raises(MessageError) as refused:
            door.ask("person.set", signer=owner, **wrong)
        assert refused.value.code == code
    assert enrolled["person_id"] == "eileen"


def test_who_is_deleted_is_nobodys_nearest_person_any_more_also_after_a_restart(
    door: RunningDoor, owner: Signer, enrolled: dict[str, Any]
) -> None:
    door.ask("person.delete", signer=owner, person_id="sister")
    door.stop()
    with open_store(door.settings.store, door.settings.state, SystemClock()) as store:
        separations = [one.separation for one in store.people() if one.id == enrolled["person_id"]]
    door.start()
    assert [(one.nearest_id, one.nearest_similarity) for one in separations if one] == [(None, None)]
    people = by_id(door.ask("person.list")["people"])
    assert set(people) == {"old", "eileen"}
    assert (people["eileen"]["references"], people["eileen"]["second_factor"]) == (5, "not_needed")


def test_a_window_that_waits_for_the_button_looks_at_nobody_before_it_is_pressed(
    faces: dict[str, Any], tmp_path: Path
) -> None:
    film(tmp_path / "scene.avi", [([(faces["resident"], 430)], 4)])
    config = CONFIG.replace("window_seconds: 20", "window_seconds: 30, confirm: button, require_consent: true")
    with RunningDoor(tmp_path, config + "inputs: {confirm_button_pin: 27}\n") as door:
        door.settings.state.mkdir(mode=0o700)
        wire(door.settings.state, 27, "open")
        with pytest.raises(MessageError) as needed:
            door.start().ask("enroll", name="Eileen")
        assert needed.value.code == "consent_needed"
        with door.session() as session:
            answers = session.request("enroll", {"name": "Eileen", "consent": True}, timeout=PATIENCE)
            accepted, waiting = next(answers), next(answers)
            assert isinstance(accepted, Response)
            assert isinstance(waiting, Progress)
            assert (waiting.prompt, waiting.collected) == ("press_the_button", 0)
            CLOCK.sleep(1.0)  # somebody stands there all the time
            wire(door.settings.state, 27, "closed")
            looking, *_, last = answers
            assert isinstance(looking, Progress)
            assert looking.collected <= 1, "it begins with the press"
            assert isinstance(last, Response)
            assert last.data is not None
            assert last.data["references"] == 5


def test_a_door_that_is_killed_while_it_enrols_knows_nobody_and_enrols_again(
    faces: dict[str, Any], tmp_path: Path
) -> None:
    film(tmp_path / "scene.avi", [([(faces["resident"], 430)], 4)])
    with RunningDoor(tmp_path, CONFIG.replace("references: 5", "references: 16")).start() as door:
        with door.session() as session:
            for told in session.request("enroll", {"name": "Eileen"}, timeout=PATIENCE):
                if isinstance(told, Progress) and told.collected >= 5:
                    break
            door.kill()
        assert door.start().ask("person.list")["people"] == []
        enrolled = door.ask("enroll", name="Eileen", references=5)
        door.kill()
        (person,) = door.start().ask("person.list")["people"]
        assert (person["person_id"], person["references"]) == (enrolled["person_id"], enrolled["references"])
