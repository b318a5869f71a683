"""Folders of people as people make them: what is left out is told, and what cannot work stops with a reason."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import cv2
import numpy as np
import pytest

from convert.errors import ConversionError
from convert.siamese.album import Album, scan
from convert.siamese.parts import Parts, check, chosen_of, split, split_lfw

SHARES = (0.6, 0.2, 0.2)


def picture(path: Path, seed: int, side: int = 32) -> None:
    path.parent.mkdir(exist_ok=True, parents=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side), np.uint8)
    cv2.imencode(path.suffix, pixels)[1].tofile(path)


def people(folder: Path, count: int = 10, each: int = 3, suffix: str = ".png") -> Path:
    for person in range(count):
        for number in range(each):
            picture(folder / f"s{person}" / f"{number}{suffix}", 1000 * person + number)
    return folder


def told(album: Album, what: str) -> str:
    (note,) = [note for note in album.notes if what in note]
    return note


@pytest.mark.parametrize("suffix", [".png", ".pgm", ".jpg"])
def test_folders_of_people_in_any_usual_format(tmp_path: Path, suffix: str) -> None:
    album = scan(people(tmp_path, 3, 2, suffix))
    assert album.people.names == ("s0", "s1", "s2")
    assert album.people.people == (0, 0, 1, 1, 2, 2)
    assert album.notes == ()


def test_names_in_any_script(tmp_path: Path) -> None:
    for seed, name in enumerate(("Zoë", "李雷", "Ольга")):
        for number in range(2):
            picture(tmp_path / name / f"ü {number}.png", 10 * seed + number)
    assert set(scan(tmp_path).people.names) == {"Zoë", "李雷", "Ольга"}


def test_a_name_in_two_encodings_is_not_two_people(tmp_path: Path) -> None:
    for form in ("NFC", "NFD"):
        picture(tmp_path / unicodedata.normalize(form, "Zoë") / "1.png", len(form))
    with pytest.raises(ConversionError, match="is there twice"):
        scan(tmp_path)


def test_what_is_no_picture_is_left_out_and_told(tmp_path: Path) -> None:
    people(tmp_path, 2)
    (tmp_path / "s0" / "notes.txt").write_text("hello", encoding="utf-8")
    (tmp_path / "s0" / "fake.jpg").write_text("hello", encoding="utf-8")
    (tmp_path / "s0" / "empty.jpg").write_bytes(b"")
    (tmp_path / "s0" / "more").mkdir()
    picture(tmp_path / "s1" / "tiny.png", 5, side=8)
    (tmp_path / "readme.txt").write_text("about", encoding="utf-8")
    album = scan(tmp_path)
    assert len(album.people.pictures) == 6
    assert "not a picture by its name" in told(album, "notes.txt")
    assert "not a picture, whatever its name says" in told(album, "fake.jpg")
    assert "not a picture" in told(album, "empty.jpg")
    assert "a folder in a person's folder" in told(album, "more")
    assert "8 x 8 pixels" in told(album, "tiny.png")


def test_links_that_lead_in_circles_are_left_out(tmp_path: Path) -> None:
    people(tmp_path, 2)
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "itself").symlink_to("itself")
    (tmp_path / "s0" / "up.png").symlink_to(tmp_path)
    album = scan(tmp_path)
    assert album.people.names == ("s0", "s1")
    assert "back to the folder" in told(album, "again")
    assert "nowhere or to itself" in told(album, "itself")
    assert "back to the folder" in told(album, "s0/up.png")


def test_the_same_picture_in_two_folders_is_told_by_name(tmp_path: Path) -> None:
    people(tmp_path, 4)
    (tmp_path / "s2" / "copy.png").write_bytes((tmp_path / "s1" / "0.png").read_bytes())
    (tmp_path / "s3" / "twice.png").write_bytes((tmp_path / "s3" / "0.png").read_bytes())
    album = scan(tmp_path)
    assert "s1/0.png and s2/copy.png" in told(album, "two people's folders")
    assert "in this folder already" in told(album, "twice.png")
    assert album.linked == ((1, 2),)


@pytest.mark.parametrize(
    ("count", "each", "problem"),
    [(0, 0, "no folders in it"), (1, 3, "one person has pictures"), (4, 1, "one picture of everybody")],
)
def test_too_little_to_learn_from(tmp_path: Path, count: int, each: int, problem: str) -> None:
    with pytest.raises(ConversionError, match=problem):
        scan(people(tmp_path, count, each))


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="none: cannot be read"):
        scan(tmp_path / "none")


def test_people_with_one_picture_are_kept_and_told(tmp_path: Path) -> None:
    people(tmp_path, 3)
    picture(tmp_path / "single" / "1.png", 77)
    album = scan(tmp_path)
    assert "single" in told(album, "one picture only")
    assert "single" in album.people.names


def test_the_parts_share_nobody_and_lose_nobody(tmp_path: Path) -> None:
    album = scan(people(tmp_path))
    parts = split(album, SHARES, seed=1)
    names = [set(part.names) for part in parts.named().values()]
    assert [len(part) for part in names] == [6, 2, 2]
    assert set.union(*names) == set(album.people.names)
    assert sum(map(len, names)) == len(album.people.names)
    for part in parts.named().values():
        assert all(
            path.parent.name == part.names[owner] for path, owner in zip(part.pictures, part.people, strict=True)
        )


def test_the_seed_decides_who_is_where(tmp_path: Path) -> None:
    album = scan(people(tmp_path))
    assert split(album, SHARES, seed=1) == split(album, SHARES, seed=1)
    assert split(album, SHARES, seed=1) != split(album, SHARES, seed=2)


@pytest.mark.parametrize("seed", range(8))
def test_people_who_share_a_picture_stay_together(tmp_path: Path, seed: int) -> None:
    people(tmp_path)
    for name in ("s3", "s7"):
        (tmp_path / name / "copy.png").write_bytes((tmp_path / "s1" / "0.png").read_bytes())
    parts = split(scan(tmp_path), SHARES, seed)
    assert sum({"s1", "s3", "s7"} <= set(part.names) for part in parts.named().values()) == 1


def test_too_few_people_to_share_out(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="two are wanted"):
        split(scan(people(tmp_path, 4)), SHARES, seed=1)


def test_somebody_in_two_parts_is_found(tmp_path: Path) -> None:
    album = scan(people(tmp_path))
    parts = [chosen_of(album.people, wanted) for wanted in ([0, 1, 2], [3, 4], [5, 1])]
    with pytest.raises(ConversionError, match="train and test share s1"):
        check(Parts(*parts), album.digests)


def test_one_picture_under_two_names_is_found(tmp_path: Path) -> None:
    people(tmp_path)
    (tmp_path / "s4" / "copy.png").write_bytes((tmp_path / "s0" / "0.png").read_bytes())
    album = scan(tmp_path)
    parts = [chosen_of(album.people, wanted) for wanted in ([0, 1], [2, 3], [4, 5])]
    with pytest.raises(ConversionError, match="a picture under two names"):
        check(Parts(*parts), album.digests)


def test_view_1_of_lfw_judges_on_the_people_of_devtest(tmp_path: Path) -> None:
    for person in "ABCDEFGH":
        for number in (1, 2):
            picture(tmp_path / person / f"{person}_{number:04d}.jpg", ord(person) * 10 + number)
    (tmp_path / "pairsDevTrain.txt").write_text("3\nA 1 2\nB 1 2\nC 1 2\nA 1 D 1\nE 1 F 1\nB 2 C 2\n", encoding="utf-8")
    (tmp_path / "pairsDevTest.txt").write_text("1\nG 1 2\nG 1 H 2\n", encoding="utf-8")
    parts = split_lfw(scan(tmp_path), tmp_path, (0.6, 0.3, 0.1), seed=1)
    assert parts.test.names == ("G", "H")
    assert sorted((*parts.train.names, *parts.validation.names)) == list("ABCDEF")
    assert len(parts.pairs) == 2
