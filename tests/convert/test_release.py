"""Writing is all or nothing, also when the disk is full or somebody presses ctrl-C: tried in real processes."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from convert.errors import ConversionError
from convert.release import release, space_of, write_file
from edge.vision.cards import Card, Input, Output, verified_model


def made_card(name: str = "toy") -> Card:
    return Card(
        name=name,
        role="landmarks",
        sha256="0" * 64,
        bytes=1,
        source="made in a test",
        source_sha256="0" * 64,
        licence="MIT",
        input=Input(shape=(1, 8, 8, 3), mean=0.0, scale=255.0),
        output=Output(shape=(1, 4)),
        quantization="float32",
    )


def everything_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `script` in a process of its own, at home in the project."""
    whole = "from tests.convert.test_release import *\n" + textwrap.dedent(script)
    return subprocess.run(
        [sys.executable, "-c", whole, *arguments],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_released_pair_is_one_the_device_accepts(tmp_path: Path) -> None:
    card = release(tmp_path / "new", made_card(), b"a network")
    assert card.sha256 == hashlib.sha256(b"a network").hexdigest()
    assert verified_model(tmp_path / "new", "toy") == (card, b"a network")
    assert sorted(everything_in(tmp_path / "new")) == ["toy.json", "toy.tflite"]


def test_a_second_release_takes_the_place_of_the_first(tmp_path: Path) -> None:
    release(tmp_path, made_card(), b"the first")
    release(tmp_path, made_card(), b"the second")
    assert verified_model(tmp_path, "toy")[1] == b"the second"


def test_a_full_disk_leaves_the_old_pair_whole(tmp_path: Path) -> None:
    release(tmp_path, made_card(), b"the first")
    before = everything_in(tmp_path)
    # A limit on the size of files stops the write half way, as a full disk does.
    done = run(
        """
        import resource, signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        try:
            release(Path(sys.argv[1]), made_card(), b"x" * 100_000)
        except ConversionError as error:
            print(error)
        """,
        str(tmp_path),
    )
    assert "nothing was written" in done.stdout, done.stderr
    assert everything_in(tmp_path) == before


@pytest.mark.parametrize("moment", ["open", "os.rename"])
def test_ctrl_c_leaves_a_whole_pair_and_no_litter(tmp_path: Path, moment: str) -> None:
    release(tmp_path, made_card(), b"the first")
    # The interpreter announces what it is about to do; the first such moment brings the signal of ctrl-C.
    done = run(
        """
        import os, signal
        waiting = [True]
        def press(event, arguments):
            if event == sys.argv[2] and ".partial" in str(arguments[0]) and waiting:
                waiting.clear()
                os.kill(os.getpid(), signal.SIGINT)
        sys.addaudithook(press)
        try:
            release(Path(sys.argv[1]), made_card(), b"the second")
        except KeyboardInterrupt:
            print("interrupted")
        """,
        str(tmp_path),
        moment,
    )
    assert done.stdout == "interrupted\n", done.stderr
    # Before the first rename the old pair stays; once renaming has begun it is finished first.
    assert verified_model(tmp_path, "toy")[1] == (b"the first" if moment == "open" else b"the second")
    assert sorted(everything_in(tmp_path)) == ["toy.json", "toy.tflite"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConversionError, match=r"file: nothing was written"):
        write_file(tmp_path / "file" / "below.json", b"{}")


def test_a_space_is_the_weights_and_the_template() -> None:
    weights = [np.array([1.0, -2.0], np.float32), np.array([[0.5]], np.float32)]
    raw = b"\x00\x00\x80\x3f" + b"\x00\x00\x00\xc0" + b"\x00\x00\x00\x3f"
    assert space_of(weights, "arcface112") == hashlib.sha256(raw + b"arcface112").hexdigest()[:12]
    assert space_of(weights, "other") != space_of(weights, "arcface112")
    assert space_of(weights[:1], "arcface112") != space_of(weights, "arcface112")


def test_two_who_write_the_same_file_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    script = "for _ in range(200):\n    write_file(Path(sys.argv[1]) / 'kept.npz', sys.argv[2].encode() * 5000)"
    with ThreadPoolExecutor() as both:
        ended = list(both.map(lambda word: run(script, str(tmp_path), word), ("one", "two")))
    assert [done.returncode for done in ended] == [0, 0], ended[0].stderr + ended[1].stderr
    assert everything_in(tmp_path)["kept.npz"] in {b"one" * 5000, b"two" * 5000}
    assert len(everything_in(tmp_path)) == 1
