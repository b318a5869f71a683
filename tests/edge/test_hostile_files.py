"""Files from strangers: whatever is in one, it is read as what it is or refused with the error that is meant for it."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from hypothesis.extra import numpy as arrays

from edge.camera.photographs import read_photograph
from edge.camera.recording import recorded
from edge.errors import CameraError, LimenError, ModelError, StoreError
from edge.mqtt.keys import KEYS_FILE, Key, changing_keys, key_id, new_signer, read_keys, read_signer
from edge.settings import CameraSettings
from edge.store.audit import check_export, export
from edge.store.backup import Backup, Header, Member, read_backup, write_backup
from edge.store.master_key import MasterKey
from edge.store.records import SealedPerson, SealedReference
from edge.store.sealing import Sealer, new_key
from edge.vision.cards import Card, Head, read_card
from edge.vision.heads import encoded, open_comparator
from tests.edge.cameras import ObedientClock, picture
from tests.edge.eyes import MODELS
from tests.edge.heads import a_head
from tests.edge.stores import crops, open_small, person, visit
from tests.surfaces import spoilt, surface

_json = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=8),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)

# -- model cards and heads -------------------------------------------------------------------------------------------

CARD = (MODELS / "mobilefacenet.json").read_bytes()
FIELDS = json.loads(CARD)


@surface("model cards")
@given(
    content=spoilt(CARD)
    | some.dictionaries(some.sampled_from([*FIELDS, "head", "score"]), _json, max_size=3).map(
        lambda lies: json.dumps(FIELDS | lies).encode()
    )
)
def test_whatever_a_card_says_it_is_a_card_or_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mine.json").write_bytes(content)
    with suppress(ModelError):
        assert isinstance(read_card(tmp_path / "mine.json"), Card)


def npz(parts: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **parts)
    return buffer.getvalue()


_kinds = some.sampled_from([np.float32, np.float64, np.int8, np.bool_, np.complex64, "<U8", "M8[s]"])
_arrays = arrays.arrays(_kinds, arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
_heads = some.fixed_dictionaries(
    {},
    optional={
        "length": some.just(np.array(1.0)) | _arrays,
        "activations": some.just(np.array(["relu", "sigmoid"])) | some.just(np.array("relu")) | _arrays,
        "kernel0": some.just(np.ones((192, 1), np.float32)) | _arrays,
        "kernel1": some.just(np.ones((1, 1), np.float32)) | _arrays,
        "bias0": some.just(np.ones(1, np.float32)) | _arrays,
        "bias1": some.just(np.ones(1, np.float32)) | _arrays,
    },
)


@surface("heads")
@given(content=spoilt(encoded(a_head())) | _heads.map(npz))
def test_whatever_a_head_holds_it_scores_from_0_to_1_or_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mine.head.npz").write_bytes(content)
    head = Head("mine.head.npz", hashlib.sha256(content).hexdigest(), max(1, len(content)), ())
    card = msgspec.structs.replace(read_card(MODELS / "mobilefacenet.json"), head=head, score="head")
    one = np.eye(1, 192, dtype=np.float32)
    try:
        scores = open_comparator(tmp_path, card).against(one, one)
    except ModelError:
        return
    assert ((scores >= 0) & (scores <= 1)).all()


# -- backups ---------------------------------------------------------------------------------------------------------

KEY = MasterKey(Path("master.key"), bytes(32))
HEADER = Header(2, "front", "2026-12-01T12:00:00Z")


@pytest.fixture(scope="module")
def backup(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = tmp_path_factory.mktemp("backup") / "people.backup"
    write_backup(file, HEADER, Backup((Member(person("anna"), tuple(crops(5))),), {"pins": b"x"}), KEY)
    return file.read_bytes()


@surface("backups")
@given(data=some.data())
def test_a_backup_that_was_altered_is_none(tmp_path: Path, backup: bytes, data: some.DataObject) -> None:
    (tmp_path / "people.backup").write_bytes(altered := data.draw(spoilt(backup)))
    if altered == backup:
        assert len(read_backup(tmp_path / "people.backup", KEY).members) == 1
        return
    with pytest.raises(StoreError):
        read_backup(tmp_path / "people.backup", KEY)


_texts = some.text(max_size=8)
_moments = some.datetimes(timezones=some.none() | some.timezones()) | some.sampled_from(
    [datetime.fromisoformat("0001-01-01T00:00:00+14:00"), datetime.fromisoformat("9999-12-31T23:59:59-14:00")]
)
_records = some.fixed_dictionaries(
    {"name": _texts, "enrolled_at": _moments.map(str) | _texts, "references": some.integers(-1, 2)},
    optional={"terms": _json, "separation": _json, "consent": _json},
).map(lambda record: {"terms": {}, "separation": None, "consent": None} | record)
_vectors = some.sampled_from([np.eye(1, 4, dtype="<f4").tobytes(), np.full(4, np.nan, "<f4").tobytes(), b"abc", b""])


@some.composite
def sealed_people(draw: some.DrawFn, sealer: Sealer) -> SealedPerson:
    """Sealed as it should be, by somebody who has the key; what is sealed is anything."""
    name, generation, key = draw(_texts), draw(some.integers(-1, 2**64 - 1)), draw(some.just(new_key()) | some.binary())
    data = sealer.under(key if len(key) == len(new_key()) else new_key())
    vectors = draw(some.lists(_vectors, max_size=2))
    rows = tuple(
        SealedReference(number, "s", data.seal(vector, "reference", name, number, "s", generation))
        for number, vector in enumerate(vectors)
    )
    pictures = tuple(
        data.seal(draw(some.binary(max_size=30)), "crop", name, number, "s", generation)
        for number in range(draw(some.integers(0, 2)))
    )
    record = data.seal(draw(_records.map(msgspec.json.encode) | some.binary(max_size=20)), "record", name, generation)
    return SealedPerson(name, generation, sealer.seal(key, "key", name, generation), record, rows, pictures)


@surface("backups")
@given(data=some.data())
def test_whatever_somebody_with_the_key_sealed_it_is_people_or_refused(tmp_path: Path, data: some.DataObject) -> None:
    line = msgspec.json.encode(msgspec.structs.replace(HEADER, master=KEY.fingerprint))
    sealer = Sealer("backup", KEY.secret)
    people = some.lists(sealed_people(sealer), max_size=2)  # the first version had only them
    content = data.draw(people.map(lambda rows: {"people": rows}) | people | some.just({"people": 1}))
    sealed = sealer.seal(msgspec.msgpack.encode(content), "backup", line.decode())
    (tmp_path / "people.backup").write_bytes(line + b"\n" + sealed)
    with suppress(StoreError):
        for member in read_backup(tmp_path / "people.backup", KEY).members:
            assert all(np.isfinite(one.vector).all() for one in member.person.references)


# -- keys and exports ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A sender's private key, and the file of the keys that a door knows."""
    folder = tmp_path_factory.mktemp("keys")
    _, public = new_signer(folder / "phone.pem")
    text = base64.b64encode(public).decode()
    with changing_keys(folder) as known:
        known.append(Key(id=key_id(public), name="phone", rights=("enroll",), public=text, created="now"))
    assert read_keys(folder).knows("enroll")
    return (folder / "phone.pem").read_bytes(), (folder / KEYS_FILE).read_bytes()


@surface("keys")
@given(data=some.data())
def test_whatever_is_in_a_file_of_keys_it_is_keys_or_refused(
    tmp_path: Path, keys: tuple[bytes, bytes], data: some.DataObject
) -> None:
    for name, content in zip(("phone.pem", KEYS_FILE), keys, strict=True):
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_bytes(data.draw(spoilt(content)))
    with suppress(LimenError):
        assert read_signer(tmp_path / "phone.pem").id
    with suppress(StoreError):
        assert all(key.id for key in read_keys(tmp_path).keys)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("journal")
    with open_small(folder) as store:
        for number in range(3):
            store.journal(visit("granted", n=number))
    with (folder / "export.jsonl").open("w", encoding="utf-8") as file:
        export(folder, file)
    return (folder / "export.jsonl").read_bytes()


@surface("audit exports")
@given(data=some.data())
def test_whatever_is_done_to_an_export_it_is_found(tmp_path: Path, exported: bytes, data: some.DataObject) -> None:
    (tmp_path / "export.jsonl").write_bytes(altered := data.draw(spoilt(exported)))
    with suppress(StoreError):
        finding, _ = check_export(tmp_path / "export.jsonl")
        if finding.problem is None:  # white space between the fields is nobody's
            told, before = ([json.loads(line) for line in one.splitlines()] for one in (altered, exported))
            assert told == before


# -- recordings and photographs --------------------------------------------------------------------------------------


def clip(folder: Path) -> bytes:
    writer = cv2.VideoWriter(str(folder / "good.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 20.0, (64, 48))
    for number in range(3):
        writer.write(picture(number))
    writer.release()
    return (folder / "good.avi").read_bytes()


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return clip(tmp_path_factory.mktemp("clip"))


@surface("recordings")
@given(data=some.data())
def test_whatever_is_in_a_recording_it_is_pictures_or_none(
    tmp_path: Path, recording: bytes, data: some.DataObject
) -> None:
    (tmp_path / "clip.avi").write_bytes(data.draw(spoilt(recording)))
    with suppress(CameraError):
        for frame in recorded(tmp_path / "clip.avi", CameraSettings(), ObedientClock()):
            assert (frame.image.dtype, frame.image.ndim) == (np.uint8, 3)


STILLS = [cv2.imencode(kind, picture(1))[1].tobytes() for kind in (".jpg", ".png", ".bmp", ".tif", ".webp")]


@surface("recordings", 50)
@given(contents=some.lists(some.sampled_from(STILLS).flatmap(spoilt), min_size=1, max_size=3))
def test_whatever_is_in_a_folder_of_pictures_it_is_pictures_or_none(tmp_path: Path, contents: list[bytes]) -> None:
    for number, content in enumerate(contents):
        (tmp_path / f"{number}.png").write_bytes(content)
    for frame in recorded(tmp_path, CameraSettings(), ObedientClock()):
        assert (frame.image.dtype, frame.image.ndim) == (np.uint8, 3)


@surface("photographs", 10)
@given(content=some.sampled_from(STILLS).flatmap(spoilt))
def test_whatever_is_in_a_photograph_it_is_one_or_refused_with_a_word(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "face.jpg").write_bytes(content)
    found = read_photograph(tmp_path / "face.jpg")
    assert (found.image is None) != (found.refusal is None)
