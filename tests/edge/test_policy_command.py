"""`limen policy explain`: the rule in words, the measured bound for so many people, and who needs more than a face."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from edge.__main__ import main
from edge.access.policy import Rule
from edge.service.bounds import extrapolated, measured_bound
from edge.service.rule import effective_rule, embedder_card
from edge.settings import AccessSettings, Settings, VisionSettings
from edge.values import Embedding, Person, Terms, frozen_array
from tests.edge.eyes import MODELS
from tests.edge.heads import models_with_head
from tests.edge.stores import open_small, person

SETTINGS = Settings()
RULE: Rule = effective_rule(SETTINGS)
(RECORD,) = json.loads((MODELS / "records" / "door.json").read_text())["records"].values()


def rows(security: str, enrolled: int) -> list[dict[str, dict[str, float]]]:
    return [
        row
        for row in RECORD["rows"]
        if (row["people"], row["security"], row["enrolled"]) == ("everybody", security, enrolled)
    ]


def percent(text: str) -> float:
    return float(text.partition(" %")[0].rpartition(" ")[2]) / 100


@pytest.mark.parametrize(("people", "size"), [(0, 5), (1, 5), (5, 5), (6, 10), (10, 10), (11, 20), (20, 20)])
def test_the_next_larger_gallery_that_was_measured_is_told(people: int, size: int) -> None:
    told = measured_bound(SETTINGS, RULE, people)
    assert told.startswith(f"Measured for {size} people: ")
    most = max(row["fpir"]["bound_high"] for row in rows("balanced", size))
    assert percent(told.split("at most ")[1]) == pytest.approx(most, rel=0.06)
    assert "EXTRAPOLATED" not in told


def test_more_people_than_were_ever_measured_are_marked_extrapolated() -> None:
    told = measured_bound(SETTINGS, RULE, 60)
    assert told.startswith("Estimated for 60 people, EXTRAPOLATED from the 20 ")
    most = max(row["fpir"]["bound_high"] for row in rows("balanced", 20))
    assert percent(told.split("at most ")[1]) == pytest.approx(1 - (1 - most) ** 3, rel=0.06)
    assert extrapolated(0.1, 20, 20) == pytest.approx(0.1)


@pytest.mark.parametrize("security", ["convenience", "balanced", "strict"])
def test_every_level_has_a_record(security: str) -> None:
    settings = Settings(access=AccessSettings(security=security))
    told = measured_bound(settings, effective_rule(settings), 3)
    assert f"level `{security}`" in told
    assert "This door is stricter" not in told
    assert "most like a resident" in told


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (replace(RULE, detection_threshold=0.3), "not at a similarity as low as 0.300"),
        (replace(RULE, frames_needed=2), "not with frames_needed 2 instead of 3"),
        (replace(RULE, margin=0.0), "not with margin 0 instead of 0.05"),
        (replace(RULE, dwell=0.0), "not with dwell 0 instead of 0.6"),
        (replace(RULE, frames_window=9), "not with frames_window 9 instead of 5"),
        (replace(RULE, trigger="always"), "not with trigger always"),
    ],
)
def test_a_laxer_door_was_not_measured(rule: Rule, words: str) -> None:
    assert measured_bound(SETTINGS, rule, 3) == f"How often it opens to a stranger was not measured: {words}."


def test_a_stricter_door_is_at_least_as_good_and_said_to_be() -> None:
    for rule in (replace(RULE, detection_threshold=0.6), replace(RULE, frames_needed=5)):
        told = measured_bound(SETTINGS, rule, 3)
        assert "level `balanced`" in told
        assert "This door is stricter" in told


def test_other_models_were_not_measured(tmp_path: Path) -> None:
    haar = Settings(vision=VisionSettings(detector="haar"))
    assert "not with haar as the detector" in measured_bound(haar, RULE, 3)
    for name in ("mobilefacenet.json", "mobilefacenet.tflite"):
        shutil.copy(MODELS / name, tmp_path)
    elsewhere = Settings(vision=VisionSettings(models=str(tmp_path)))
    headed = models_with_head(tmp_path / "headed")
    shutil.copytree(MODELS / "records", headed / "records")
    by_head = Settings(vision=VisionSettings(models=str(headed)))
    assert "not with what mobilefacenet compares by" in measured_bound(by_head, RULE, 3)
    assert "door.json cannot be read" in measured_bound(elsewhere, RULE, 3)
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "door.json").write_text('{"records": {"another": 1}}')
    assert "door.json cannot be read" in measured_bound(elsewhere, RULE, 3)
    (tmp_path / "records" / "door.json").write_text('{"records": {}}')
    assert "no record of `limen-convert measure door` for mobilefacenet" in measured_bound(elsewhere, RULE, 3)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A door with ana, a minor; ben and his brother; and cem, who is told to."""
    space = embedder_card(SETTINGS).space or ""

    def somebody(name: str, seed: int, **terms: object) -> Person:
        made = person(name, name.title(), seed=seed)
        references = tuple(Embedding(one.vector, space) for one in made.references)
        return replace(made, references=references, terms=Terms(**terms))

    ben = somebody("ben", 2)
    likeness = ben.references[0].vector + 1.2 * somebody("x", 3).references[0].vector
    likeness /= (likeness @ likeness) ** 0.5
    brother = somebody("brother", 3)
    brother = replace(brother, references=(*brother.references[1:], Embedding(frozen_array(likeness), space)))
    with open_small(tmp_path / "state") as store:
        for one in (somebody("ana", 1, minor=True), ben, brother, somebody("cem", 4, second_factor="always")):
            store.add_person(one)
    (tmp_path / "config.yaml").write_text("{}")
    return tmp_path


def test_who_needs_more_than_a_face_is_told_with_the_reason(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "explain", "--config", str(home / "config.yaml")]) == 0
    told = capsys.readouterr().out
    assert RULE.explain() in told
    assert "Measured for 5 people" in told
    assert "4 enrolled, of whom 4 must give a second factor besides the face." in told
    assert "  ana (Ana): a minor\n" in told
    assert "  ben (Ben): looks too much like brother, similarity 0.6" in told
    assert "  brother (Brother): looks too much like ben, similarity 0.6" in told
    assert "  cem (Cem): told to\n" in told


def test_names_are_told_only_where_privacy_allows(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "config.yaml").write_text("mqtt: {privacy: ids}")
    assert main(["policy", "explain", "--config", str(home / "config.yaml")]) == 0
    told = capsys.readouterr().out
    assert "4 enrolled, of whom 4 must" in told
    assert "  1: a minor\n  1: told to\n  2: looks too much like another\n" in told
    assert not any(name in told.lower() for name in ("ben", "brother", "cem"))


def test_it_works_beside_a_running_door_and_changes_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_small(home / "state") as store:
        head = store.audit_head
        assert main(["policy", "explain", "--config", str(home / "config.yaml")]) == 0
        assert "4 enrolled" in capsys.readouterr().out
        assert store.audit_head == head


def test_a_door_without_a_store_is_explained_all_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.yaml").write_text("access: {second_factor: always}")
    assert main(["policy", "explain", "--config", str(tmp_path / "config.yaml")]) == 0
    told = capsys.readouterr().out
    assert "Everybody must also give a PIN" in told
    assert "Who is enrolled cannot be told" in told
    assert not (tmp_path / "state").exists()


def test_the_record_is_read_as_convert_writes_it() -> None:
    """A rename there must not end in `not measured` here."""
    assert msgspec.json.encode(RECORD)
    assert set(RECORD["thresholds"]) == {"convenience", "balanced", "strict"}
    assert {"frames_needed", "frames_window", "margin", "dwell", "verification_threshold"} <= set(RECORD["rule"])
