"""A real door whose network has a head: real pictures, and every similarity is what the head says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge.__main__ import main
from tests.edge.doors import CONFIG, PATIENCE, RunningDoor, film
from tests.edge.eyes import an_eye, at_the_door, frame
from tests.edge.heads import a_head, models_with_head


@pytest.fixture(scope="module")
def home(faces: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A door with such a network, where the resident is filmed, and then a stranger."""
    folder = tmp_path_factory.mktemp("home")
    models_with_head(folder / "models")
    film(folder / "scene.avi", [([(faces["resident"], 430)], 8), ([], 2), ([(faces["stranger"], 430)], 5), ([], 2)])
    return folder


def test_the_door_decides_by_what_the_head_says(home: Path, faces: dict[str, Any]) -> None:
    vectors = []
    for name in ("resident", "stranger"):
        embedding = an_eye().look(frame(at_the_door((faces[name], 430)))).embedding
        assert embedding is not None
        vectors.append(embedding.vector)
    stranger = float(a_head().against(vectors[0][None], vectors[1])[0])
    with RunningDoor(home, CONFIG) as door:
        door.start()
        with door.session() as session:
            told = door.event(session, verdict="refused", reason="nobody_enrolled")
            assert told["detection_threshold"] is None or told["detection_threshold"] == 0.6
            enrolled = door.ask("enroll", name="Eileen")
            assert enrolled["worst_own"] > 0.75
            granted = door.event(session, verdict="granted")
            refused = door.event(session, verdict="refused", reason="unknown")
        with door.session(door.topics.info) as session:
            info = next(json.loads(incoming.payload) for incoming in session.follow(silence=PATIENCE))
    assert {role: facts["score"] for role, facts in info["models"].items() if facts["score"]} == {"embedder": "head"}
    assert (granted["person_id"], granted["detection_threshold"]) == ("eileen", 0.6)
    assert granted["votes"] == granted["references"]
    assert granted["similarity"] == pytest.approx(float(a_head().against(vectors[0][None], vectors[0])[0]), abs=0.1)
    assert refused["similarity"] == pytest.approx(stranger, abs=0.1), "the best of a few pictures"


def test_the_rule_is_explained_in_the_heads_own_terms(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policy", "explain", "--config", str(home / "config.yaml")]) == 0
    said = capsys.readouterr().out
    assert "similarity 0.600" in said
    assert "Similarity is what the network's own head says of two embeddings, from 0 to 1." in said


@pytest.mark.parametrize("harm", ["altered", "missing"])
def test_without_its_head_the_door_stays_shut_and_says_why(
    tmp_path: Path, harm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    config.chmod(0o600)
    head = models_with_head(tmp_path / "models") / "mobilefacenet.head.npz"
    if harm == "missing":
        head.unlink()
    else:
        content = bytearray(head.read_bytes())
        content[len(content) // 2] ^= 1
        head.write_bytes(bytes(content))
    command = [sys.executable, "-m", "edge", "run", "--config", str(config)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 78
    assert "mobilefacenet.head.npz: " in run.stderr + run.stdout
    assert not list(tmp_path.rglob("pin-*.trace")), "the strike was never energised"
    assert main(["doctor", "--only", "models", "--json", "--config", str(config)]) == 1
    (finding,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert finding["state"] == "fail"
    assert "mobilefacenet.head.npz: " in finding["text"]
