"""A network's own head: what it says, what makes it fit for the door, and what happens when its file is not whole."""

from __future__ import annotations

import io
import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.access.references import conclude
from edge.comparing import COSINE, readable
from edge.errors import ModelError
from edge.vision.cards import read_card
from edge.vision.heads import Dense, DenseHead, decoded, encoded, open_comparator, unusable
from tests.edge.access_scene import DIMENSION, REQUEST, RULE, face_of, gallery, like
from tests.edge.heads import a_head, models_with_head

MISSPELT = ("sigmoid".encode("utf-32-le"), "sigmoit".encode("utf-32-le"))
RANDOM = np.random.default_rng(1)


def units(count: int, dimension: int = 192) -> np.ndarray:
    vectors = RANDOM.normal(size=(count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def layers(*sizes: int, last: str = "sigmoid") -> tuple[Dense, ...]:
    """Random layers of these sizes, ReLU between them, that like nothing better than no difference at all."""
    made = []
    for inputs, outputs in itertools.pairwise(sizes):
        kernel = np.abs(RANDOM.normal(size=(inputs, outputs))).astype(np.float32) / np.float32(inputs)
        made.append(Dense(kernel, np.zeros(outputs, np.float32), "relu"))
    end = made.pop()
    return (*made, Dense(-end.kernel, end.bias + 2, last))  # type: ignore[arg-type]


def test_a_score_is_what_a_sheet_of_paper_says() -> None:
    head = DenseHead(
        np.sqrt(2), (Dense(np.array([[-1.0], [-3.0]], np.float32), np.array([2.0], np.float32), "sigmoid"),)
    )
    # (3, 4) and (4, 3) become sqrt(2) (0.6, 0.8) and sqrt(2) (0.8, 0.6): both differences are 0.2 sqrt(2).
    score = head.against(np.array([[3, 4]], np.float32), np.array([4, 3], np.float32))
    assert score[0] == pytest.approx(1 / (1 + np.exp(-(2 - 4 * 0.2 * np.sqrt(2)))), abs=1e-6)


def test_one_against_many_many_against_many_and_pairs_agree() -> None:
    head = DenseHead(np.sqrt(48), layers(48, 32, 8, 1))
    many, others = units(1500, 48), units(3, 48)  # more rows than are taken at a time
    table = head.against(many, others)
    assert table.shape == (1500, 3)
    assert table[:, 2] == pytest.approx(head.against(many, others[2]), abs=1e-6)
    assert table[:3].diagonal() == pytest.approx(head.paired(many[:3], others), abs=1e-6)
    assert np.abs(head.against(others, many).T - table).max() < 1e-6, "it is symmetric"
    assert head.against(7 * many, 0.01 * others) == pytest.approx(table, abs=1e-6), "and free of scale"
    assert np.isnan(head.against(many, others[0] * np.float32(np.nan))).all(), "doubt is never a match"
    assert np.isnan(head.against(units(2, 9), units(1, 9)[0])).all()


def test_a_file_gives_the_same_head_and_the_same_head_the_same_file() -> None:
    head = DenseHead(3.0, layers(48, 8, 1))
    again = decoded(encoded(head))
    assert encoded(again) == encoded(head)
    assert (again.against(units(5, 48), units(1, 48)[0]).shape, unusable(again, 48)) == ((5,), None)


SOUND = layers(48, 8, 1)
BROKEN = Dense(np.full((48, 1), np.nan, np.float32), np.zeros(1, np.float32), "sigmoid")
LOUD = Dense(np.full((48, 8), 3e38, np.float32), np.zeros(8, np.float32), "linear")


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (DenseHead(0.0, SOUND), "not free of scale"),
        (DenseHead(np.nan, SOUND), "not free of scale"),
        (DenseHead(7.0, ()), "does not end in one number"),
        (DenseHead(7.0, layers(48, 8, 2)), "does not end in one number"),
        (DenseHead(7.0, layers(48, 8, 1, last="linear")), "does not end in one number"),
        (DenseHead(7.0, layers(32, 8, 1)), "do not fit"),
        (DenseHead(7.0, (*SOUND[:1], *layers(9, 1))), "do not fit"),
        (DenseHead(7.0, (BROKEN,)), "not finite"),
        (
            DenseHead(7.0, (LOUD, replace(SOUND[1], kernel=np.tile(np.array([[1], [-1]], np.float32), (4, 1))))),
            "not a number",
        ),
    ],
)
def test_a_head_that_is_not_fit_for_the_door_is_told_from_one_that_is(head: DenseHead, why: str) -> None:
    assert why in str(unusable(head, 48))


def test_a_head_with_its_labels_the_other_way_round_enrols_nobody() -> None:
    verdict = Dense(np.full((DIMENSION, 1), 3, np.float32), np.full(1, -1, np.float32), "sigmoid")
    head = DenseHead(1.0, (verdict,))
    assert unusable(head, DIMENSION) is None, "nothing but pictures can tell"
    rule = replace(RULE, compare=head, detection_threshold=0.9)
    references = [like(ana=near) for near in (0.99, 0.98, 0.97, 0.96, 0.95)] * 2
    assert head.against(face_of("ana").vector[np.newaxis], face_of("ben").vector)[0] > 0.9
    assert conclude(REQUEST, references, gallery(), rule).person is None


def test_a_card_says_what_its_thresholds_are_of(tmp_path: Path) -> None:
    models = models_with_head(tmp_path / "models")
    card = read_card(models / "mobilefacenet.json")
    assert open_comparator(models, card).score == "head"
    path = models / "mobilefacenet.json"
    for score in ("cosine", None):  # of a head that could not be used, and of a card from before there were scores
        said = json.loads(path.read_text(encoding="utf-8"))
        said.pop("score", None)
        path.write_text(json.dumps(said | ({"score": score} if score else {})), encoding="utf-8")
        assert open_comparator(models, read_card(path)) is COSINE


def npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    return buffer.getvalue()


WHOLE = encoded(a_head())


@pytest.mark.parametrize("content", [b"?", b"PK", npy(), WHOLE[: len(WHOLE) // 2], WHOLE.replace(*MISSPELT)])
def test_only_the_head_itself_will_do(tmp_path: Path, content: bytes) -> None:
    models = models_with_head(tmp_path / "vouched for", content)
    with pytest.raises(ModelError, match=r"mobilefacenet\.head\.npz: holds no head"):
        open_comparator(models, read_card(models / "mobilefacenet.json"))
    models = models_with_head(tmp_path / "altered")
    (models / "mobilefacenet.head.npz").write_bytes(content)
    with pytest.raises(ModelError, match=r"mobilefacenet\.head\.npz: is not the head"):
        open_comparator(models, read_card(models / "mobilefacenet.json"))


def test_a_head_the_door_cannot_use_keeps_it_shut_and_not_on_cosines(tmp_path: Path) -> None:
    models = models_with_head(tmp_path / "models", encoded(replace(a_head(), length=0.0)))
    with pytest.raises(ModelError, match="thresholds are of this head's score, and it cannot be used: it is not free"):
        open_comparator(models, read_card(models / "mobilefacenet.json"))
    (models / "mobilefacenet.head.npz").unlink()
    with pytest.raises(ModelError, match=r"mobilefacenet\.head\.npz: not found"):
        open_comparator(models, read_card(models / "mobilefacenet.json"))


HEARD_OF = {"file": "x.head.tflite", "sha256": "0" * 64, "bytes": 9, "layers": []}


@pytest.mark.parametrize("changes", [{"head": HEARD_OF}, {"head": None}, {"score": "euclidean"}])
def test_a_card_cannot_promise_a_score_without_its_head(tmp_path: Path, changes: dict[str, object]) -> None:
    models = models_with_head(tmp_path / "models", card=changes)
    with pytest.raises(ModelError, match="not a model card"):
        read_card(models / "mobilefacenet.json")


@pytest.mark.parametrize(
    ("similarity", "told"),
    [
        (0.714, "0.71"),
        (-0.126, "-0.13"),
        (0.9, "0.90"),
        (0.9912, "0.9912"),
        (0.99871, "0.9987"),
        (0.999987, "0.999987"),
        (0.99999999, "1.000000"),
        (1.0, "1.00"),
    ],
)
def test_a_score_next_to_one_is_told_from_one(similarity: float, told: str) -> None:
    assert readable(similarity) == told
