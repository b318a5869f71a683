from __future__ import annotations

from pathlib import Path

import pytest

from convert.datasets import identities, people_of, read_pairs, split_folds
from convert.errors import ConversionError


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for name, count in {"Ann": 3, "Bob": 2, "Cy": 1}.items():
        (tmp_path / name).mkdir()
        for number in range(1, count + 1):
            (tmp_path / name / f"{name}_{number:04d}.jpg").write_bytes(b"a picture")
    return tmp_path


def pairs_file(folder: Path, *lines: str) -> Path:
    path = folder / "pairs.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_view_1_is_one_fold_of_same_and_different_pairs(images: Path) -> None:
    (fold,) = read_pairs(pairs_file(images, "2", "Ann\t1\t2", "Bob 1 2", "Ann\t3\tCy\t1", "Bob 2 Cy 1"), images)
    assert [(pair.first.name, pair.second.name, pair.same) for pair in fold] == [
        ("Ann_0001.jpg", "Ann_0002.jpg", True),
        ("Bob_0001.jpg", "Bob_0002.jpg", True),
        ("Ann_0003.jpg", "Cy_0001.jpg", False),
        ("Bob_0002.jpg", "Cy_0001.jpg", False),
    ]
    assert people_of([fold]) == ("Ann", "Bob", "Cy")


def test_view_2_has_its_folds(images: Path) -> None:
    folds = read_pairs(pairs_file(images, "2 1", "Ann 1 2", "Ann 3 Cy 1", "Bob 1 2", "Bob 2 Cy 1"), images)
    assert [[pair.same for pair in fold] for fold in folds] == [[True, False], [True, False]]


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["1", "Ann 1 4", "Ann 1 Cy 1"], r"line 2: .*Ann_0004\.jpg is missing"),
        (["1", "Ann 1 2", "Ann 1 Dora 1"], r"line 3: .*Dora_0001\.jpg is missing"),
        (["1", "Ann 1 2"], "promises 2 pairs, the file has 1"),
        (["1", "Ann 1 2", "Ann 1 Cy 1", "Bob 1 2"], "promises 2 pairs, the file has 3"),
        (["1", "Ann 1 2", ""], r"line 3: expected `name n m` or"),
        (["1", "Ann 1 2", "Ann 1 Ann 2"], "line 3: two people are wanted, both are Ann"),
        (["1", "Ann 1 Cy 1", "Ann 1 2"], "line 2: a pair of two people among the others"),
        (["1", "../Ann 1 2", "Ann 1 Cy 1"], r"line 2: '\.\./Ann' '1' is not a person"),
        (["1", "Ann one 2", "Ann 1 Cy 1"], "line 2: 'Ann' 'one' is not"),
        (["0"], "line 1: expected"),
        (["many"], "line 1: expected"),
        ([""], "line 1: expected"),
    ],
)
def test_nothing_is_skipped_in_silence(images: Path, lines: list[str], problem: str) -> None:
    with pytest.raises(ConversionError, match=problem):
        read_pairs(pairs_file(images, *lines), images)


def test_a_pairs_file_that_is_absent_or_binary_is_named(images: Path) -> None:
    with pytest.raises(ConversionError, match=r"none\.txt: cannot be read"):
        read_pairs(images / "none.txt", images)
    (images / "pairs.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConversionError, match=r"pairs\.txt: cannot be read"):
        read_pairs(images / "pairs.txt", images)


def test_a_fold_is_shared_out_without_losing_a_pair(images: Path) -> None:
    (fold,) = read_pairs(
        pairs_file(images, "3", "Ann 1 2", "Ann 1 3", "Bob 1 2", "Ann 1 Cy 1", "Ann 2 Cy 1", "Bob 1 Cy 1"), images
    )
    folds = split_folds(fold, 2)
    assert [[pair.same for pair in part] for part in folds] == [[True, False], [True, True, False, False]]
    assert {pair for part in folds for pair in part} == set(fold)


def test_identities_are_all_pictures_of_the_people_asked_for(images: Path) -> None:
    (images / "Ann" / "notes.txt").write_text("not a picture", encoding="utf-8")
    known = identities(images, ["Ann", "Cy"])
    assert [path.name for path in known.pictures] == ["Ann_0001.jpg", "Ann_0002.jpg", "Ann_0003.jpg", "Cy_0001.jpg"]
    assert known.people == (0, 0, 0, 1)


def test_somebody_without_a_picture_is_named(images: Path) -> None:
    with pytest.raises(ConversionError, match="no picture of Dora"):
        identities(images, ["Ann", "Dora"])


@pytest.mark.data
def test_the_two_halves_of_lfw_share_nobody(data: Path) -> None:
    halves = [people_of(read_pairs(data / "lfw" / f"pairsDev{half}.txt", data / "lfw")) for half in ("Train", "Test")]
    assert not set(halves[0]) & set(halves[1])
