"""From pictures to a record: with a made-up embedder that reads its answer off the picture, and with the device's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest

from convert.datasets import Identities, Pair, identities, read_pairs, split_folds
from convert.embeddings import NOT_ACQUIRED, Device, Embedded, embed_on_device, embed_pictures
from convert.errors import ConversionError
from convert.evaluate import Half, evaluate, floor_of, levels, measure, pair_figures, points
from convert.figures import all_pairs
from convert.models import FOLDER
from convert.record import judged, read_records, write_record
from edge.vision.cards import Head
from tests.edge.heads import a_head, models_with_head


def off_the_picture(image: np.ndarray) -> tuple[np.ndarray | None, str]:
    """The blue channel is an angle in degrees; a white picture has no face."""
    angle = float(image[..., 0].mean())
    if angle > 250:
        return None, NOT_ACQUIRED
    return np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))], np.float32), ""


def put(folder: Path, name: str, *angles: int) -> None:
    (folder / name).mkdir()
    for number, angle in enumerate(angles, 1):
        image = np.full((16, 16, 3), angle, np.uint8)
        cv2.imwrite(str(folder / name / f"{name}_{number:04d}.png"), image)
        (folder / name / f"{name}_{number:04d}.png").rename(folder / name / f"{name}_{number:04d}.jpg")


@pytest.fixture
def half(tmp_path: Path) -> Half:
    put(tmp_path, "Ann", 0, 10)
    put(tmp_path, "Bob", 60, 90)
    put(tmp_path, "Cy", 20, 255)
    file = tmp_path / "pairs.txt"
    file.write_text("2\nAnn 1 2\nCy 1 2\nAnn 2 Bob 1\nAnn 1 Bob 2\n", encoding="utf-8")
    people = identities(tmp_path, ["Ann", "Bob", "Cy"])
    return Half(read_pairs(file, tmp_path), people, embed_pictures(people.pictures, off_the_picture))


def test_any_callable_can_be_measured(half: Half) -> None:
    assert half.embedded.words.tolist() == ["", "", "", "", "", NOT_ACQUIRED]
    pairs = all_pairs(half.embedded.vectors, half.people.people)
    assert len(pairs.impostors) == 8
    (point,) = points(pairs, [0.25])
    assert point.impostors == 2
    assert point.tar.value == pytest.approx(2 / 3, abs=1e-6)


def test_a_level_is_tried_on_other_people(half: Half) -> None:
    train = all_pairs(half.embedded.vectors, half.people.people)
    test = all_pairs(np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32), (0, 0, 1, 1))
    (level,) = levels(train, test, [0.25])
    assert (level.impostors, level.couple) == (2, 2)
    assert (level.test_fmr.value, level.test_tar.value) == (0.0, 1.0)
    assert levels(train, test, [1e-4]) == ()


def test_a_pair_that_could_not_be_compared_counts_as_wrong(half: Half) -> None:
    found = pair_figures(half, half)
    # Ann is recognised, Bob told from her twice, and Cy's second picture has no face.
    assert (found.pairs, found.not_acquired, found.folds) == (4, 1, 2)
    assert found.accuracy.value == pytest.approx(3 / 4)


def test_one_pair_of_each_kind_is_too_few_for_folds(half: Half) -> None:
    (fold,) = half.folds
    few = Half(((fold[0], fold[-1]),), half.people, half.embedded)
    with pytest.raises(ConversionError, match="2 pairs are too few"):
        pair_figures(half, few)


def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    put(tmp_path, "Ann", 1)
    (tmp_path / "Ann" / "Ann_0002.jpg").write_text("no picture", encoding="utf-8")
    with pytest.raises(ConversionError, match=r"Ann_0002\.jpg: not a picture"):
        embed_pictures(identities(tmp_path, ["Ann"]).pictures, off_the_picture)


def test_pictures_without_one_face_are_an_error(tmp_path: Path) -> None:
    put(tmp_path, "Ann", 255, 255)
    with pytest.raises(ConversionError, match="none of the 2 pictures has a face"):
        embed_pictures(identities(tmp_path, ["Ann"]).pictures, off_the_picture)


@pytest.fixture(scope="module")
def device() -> Device:
    return Device(FOLDER)


@pytest.fixture
def album(tmp_path: Path, faces: dict[str, Any]) -> Path:
    """Two people, two pictures each, as LFW would have them."""
    for name, image in faces.items():
        (tmp_path / name).mkdir()
        side = min(image.shape[:2])
        for number, gain in enumerate((1.0, 0.8), 1):
            darker = cv2.convertScaleAbs(image[:side, :side], alpha=gain)
            cv2.imwrite(str(tmp_path / name / f"{name}_{number:04d}.jpg"), darker)
    return tmp_path


def test_the_device_tells_two_real_people_apart(album: Path, device: Device) -> None:
    embedded = embed_on_device(identities(album, ["resident", "stranger"]).pictures, device, album / "cache")
    similarity = embedded.vectors @ embedded.vectors.T
    assert similarity[0, 1] > 0.9
    assert similarity[2, 3] > 0.9
    assert similarity[:2, 2:].max() < 0.3


def test_embeddings_are_kept_for_the_same_pictures_only(album: Path, device: Device) -> None:
    cache = album / "cache"
    pictures = identities(album, ["resident"]).pictures
    embedded = embed_on_device(pictures, device, cache)
    (kept,) = cache.iterdir()
    marked = Embedded(np.zeros_like(embedded.vectors), embedded.words)
    np.savez(kept, vectors=marked.vectors, words=marked.words)
    assert not embed_on_device(pictures, device, cache).vectors.any(), "what was kept is taken"
    kept.write_bytes(b"cut off")
    assert np.array_equal(embed_on_device(pictures, device, cache).vectors, embedded.vectors)
    assert embed_on_device(pictures[:1], device, cache).vectors.shape == (1, 192)
    assert len(list(cache.iterdir())) == 2


def test_a_picture_without_a_face_is_not_acquired(device: Device) -> None:
    assert device(np.full((120, 160, 3), 127, np.uint8)) == (None, NOT_ACQUIRED)


def test_the_two_halves_must_share_nobody(album: Path, device: Device) -> None:
    file = album / "pairs.txt"
    file.write_text("1\nresident 1 2\nresident 1 stranger 1\n", encoding="utf-8")
    with pytest.raises(ConversionError, match="share people, resident for one"):
        evaluate(album, file, file, device, "a test")


def test_a_whole_record_survives_its_file(half: Half, device: Device, tmp_path: Path) -> None:
    record = measure(half, half, device, "a test", ("ours", "theirs"))
    write_record(tmp_path, record)
    assert read_records(tmp_path) == {device.embedder.sha256: record}
    assert record.test.not_acquired == 1
    assert sum(record.histogram.impostors) == record.test.impostors == 8
    assert record.thresholds()[0].data.startswith("a test ours people, all-against-all") if record.levels else True
    assert record.accuracy()["data"] == "a test theirs"


def pair_of(pictures: tuple[Path, ...]) -> tuple[Pair, ...]:
    return (Pair(pictures[0], pictures[-1], same=False),)


def test_what_is_measured_by_a_head_is_for_that_head_only(album: Path, tmp_path: Path) -> None:
    models = models_with_head(tmp_path / "models")
    device, people = Device(models), identities(album, ["resident", "stranger"])
    found = embed_on_device(people.pictures, device, tmp_path)
    pairs = all_pairs(found.vectors, people.people, found.compare)
    assert 0 <= pairs.impostors.min() <= pairs.impostors.max() < 0.5 < pairs.genuine.min() <= 1
    cosines = all_pairs(found.vectors, people.people)
    assert pairs.impostors != pytest.approx(cosines.impostors, abs=0.02)
    assert found.scores(people.pictures, pair_of(people.pictures))[0].tolist() == pytest.approx(
        [float(found.compare.against(found.vectors[:1], found.vectors[-1])[0])]
    )
    whole = Half(split_folds(pair_of(people.pictures) * 4, 2), people, found)
    record = measure(whole, whole, device, "a test", ("ours", "theirs"))
    write_record(models, record)
    card = device.embedder
    assert isinstance(card.head, Head)
    assert record.compared_by == card.head.sha256
    assert judged(card, models).accuracy == record.accuracy()
    assert judged(card, models).floor == record.floor == 1, "so few people cannot tell from where on it has a say"
    assert judged(msgspec.structs.replace(card, score="cosine"), models).accuracy == {}
    other = msgspec.structs.replace(card.head, sha256="0" * 64)
    assert judged(msgspec.structs.replace(card, head=other), models).accuracy == {}


def test_a_head_has_a_say_where_one_persons_pictures_lie() -> None:
    random = np.random.default_rng(1)
    people = np.repeat(np.arange(30), 4)
    vectors = random.normal(size=(30, 192))[people] + random.normal(scale=0.5, size=(120, 192))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    vectors[7] = np.nan
    everybody = Identities(tuple(map(str, range(30))), (), tuple(people.tolist()))
    floor = floor_of(Half((), everybody, Embedded(vectors, np.array([]))), a_head())
    genuine, impostors = (getattr(all_pairs(vectors, people.tolist()), kind) for kind in ("genuine", "impostors"))
    assert impostors.max() < floor <= genuine.min() < floor + 1e-4
