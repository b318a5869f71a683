from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from convert.__main__ import _parser, main
from convert.models import FOLDER
from edge.vision.cards import read_card


def test_help_teaches_with_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    assert "limen-convert import" in said
    assert "Exit codes" in said


def test_every_command_is_told_in_the_documents() -> None:
    (commands,) = (action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction))
    told = (FOLDER.parent / "docs" / "commands.md").read_text(encoding="utf-8")
    assert [name for name in commands.choices if f"| `limen-convert {name}` |" not in told] == []


@pytest.mark.parametrize("arguments", [[], ["quantise"], ["import", "--fast"]])
def test_what_is_not_understood_ends_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2


def test_an_unknown_source_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["import", "facenet"])
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert all(f"'{name}'" in said for name in ("facenet", "blazeface", "mesh", "mobilefacenet", "keras", "onnx"))


def test_evaluating_without_pictures_says_what_to_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LIMEN_DATA", str(tmp_path))
    assert main(["evaluate"]) == 1
    assert "no folder of pictures; name one with --images" in capsys.readouterr().err


def test_a_card_without_a_record_is_told_loudly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models = tmp_path / "models"
    shutil.copytree(FOLDER, models)
    (models / "evaluation.json").unlink()
    assert main(["release", "--models", str(models)]) == 0
    assert "no door will decide with it" in capsys.readouterr().err
    assert read_card(models / "mobilefacenet.json").thresholds == ()


def test_the_report_can_be_written_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--docs", str(tmp_path)]) == 0
    assert str(tmp_path / "accuracy.md") in capsys.readouterr().out


def test_nothing_but_the_import_loads_tensorflow() -> None:
    script = "import sys, convert.__main__, convert.evaluate, convert.report; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0
