"""`limen-convert evaluate` and `measure` as they are typed."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import cv2
import pytest

from convert.__main__ import main
from convert.models import FOLDER
from convert.records import records_of
from edge.vision.cards import read_card


@pytest.fixture
def album(tmp_path: Path, faces: dict[str, Any]) -> Path:
    for name, image in faces.items():
        (tmp_path / "album" / name).mkdir(parents=True)
        for number, gain in enumerate((1.0, 0.8, 0.9), 1):
            darker = cv2.convertScaleAbs(image, alpha=gain)
            cv2.imwrite(str(tmp_path / "album" / name / f"{name}_{number:04d}.jpg"), darker)
    return tmp_path / "album"


def evaluated(album: Path, *more: str) -> dict[str, Any]:
    out = album.parent / "figures.json"
    assert main(["evaluate", "--images", str(album), "--json", str(out), *more]) == 0
    figures: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return figures


def test_a_folder_of_people_is_measured_everybody_against_everybody(album: Path) -> None:
    (album.parent / "groups.csv").write_text("name,group\nresident,all\nstranger,all\n", encoding="utf-8")
    figures = evaluated(album, "--groups", str(album.parent / "groups.csv"), "--detector", "blazeface")
    assert figures["everybody"]["genuine"] == 6
    assert figures["everybody"]["impostors"] == 9
    assert [at["tar"]["value"] for at in figures["everybody"]["card"]] == [1.0] * 4
    assert [at["fmr"]["value"] for at in figures["groups"][0]["card"]] == [0.0] * 4
    assert figures["worst_impostors"][0]["similarity"] < 0.3
    assert figures["worst_genuine"][0]["similarity"] > 0.9


def test_a_pairs_file_is_measured_with_another_card(album: Path) -> None:
    pairs = album.parent / "pairs.txt"
    pairs.write_text("2 1\n" + "resident 1 2\nresident 1 stranger 1\n" * 2, encoding="utf-8")
    figures = evaluated(album, "--pairs", str(pairs), "--model", str(FOLDER / "mobilefacenet.json"))
    assert (figures["pairs"]["pairs"], figures["pairs"]["f1"]) == (4, 1.0)
    assert figures["everybody"] is None


def test_a_program_that_talks_like_limen_probe_is_measured(album: Path) -> None:
    program = f"{sys.executable} -m edge probe --stdin --rule centre"
    figures = evaluated(album, "--program", program)
    own = evaluated(album)
    assert figures["judged"] == {"name": program, "runtime": "a program", "models": {}}
    assert figures["worst_impostors"] == own["worst_impostors"]
    assert figures["everybody"]["card"] == [], "only a card has thresholds"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--pairs", "p.txt"], "--pairs is for one folder of people"),
        (["--json", "o.json", "--pairs", "p.txt", "--groups", "g.csv"], "leave out --pairs"),
        (["--json", "o.json", "--program", "x", "--detector", "haar"], "--model and --detector mean nothing to it"),
        (["--json", "o.json", "--detector", "viola"], "Invalid enum value 'viola'"),
        (["--json", "o.json", "--pairs", "p.txt"], "p.txt: cannot be read"),
    ],
)
def test_what_does_not_go_together_is_told(
    album: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "--images", str(album), *arguments]) == 1
    assert said in capsys.readouterr().err


def test_one_person_is_nobody_to_compare_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "Ann").mkdir()
    assert main(["evaluate", "--images", str(tmp_path), "--json", str(tmp_path / "o.json")]) == 1
    assert "at least two people is wanted, here are 1" in capsys.readouterr().err
    assert not (tmp_path / "o.json").exists()


def test_the_longer_figures_are_kept_beside_the_models(album: Path) -> None:
    models = album.parent / "models"
    shutil.copytree(FOLDER, models, ignore=shutil.ignore_patterns("records"))
    for name in ("resident", "stranger"):  # the training people are other people, if only by name
        shutil.copytree(album / name, album / f"other_{name}")
        for file in (album / f"other_{name}").iterdir():
            file.rename(file.with_name(f"other_{file.name}"))
    for half, prefix in (("train", "other_"), ("test", "")):
        lines = [f"{prefix}resident 1 2", f"{prefix}stranger 2 3"]
        lines += [f"{prefix}resident 1 {prefix}stranger 2", f"{prefix}stranger 3 {prefix}resident 3"]
        (album.parent / f"{half}.txt").write_text("\n".join(["2", *lines]), encoding="utf-8")
    files = [f"--{half}={album.parent / half}.txt" for half in ("train", "test")]
    kinds = ["people", "look-alikes", "robustness"]
    assert main(["measure", *kinds, f"--images={album}", *files, f"--models={models}", "--data=two faces"]) == 0
    kept = records_of(models, read_card(models / "mobilefacenet.json").sha256)
    assert sorted(kept) == sorted(kinds)
    assert {record["data"] for record in kept.values()} == {"two faces"}
    assert kept["robustness"]["rows"][0]["accuracy"]["value"] == 1.0


def test_an_unknown_kind_of_figures_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", "doors"]) == 1
    assert "known: people, door, look-alikes, robustness" in capsys.readouterr().err
