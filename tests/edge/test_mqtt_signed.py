"""Which signed commands are believed. No broker: bytes in, a value out."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from edge.errors import LimenError, MessageError, StoreError
from edge.mqtt.commands import Command, Refusal, parse
from edge.mqtt.keys import KEYS_FILE, Key, Signer, changing_keys, new_signer, read_keys, read_signer
from edge.mqtt.signed import CHALLENGE_SECONDS, Challenges
from tests.edge.signing import CHALLENGE, UNLOCK, a_key, altered, context_with
from tests.edge.test_mqtt_commands import ENROLL, come
from tests.surfaces import surface

Made = tuple[Signer, Key]


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return a_key(tmp_path_factory.mktemp("keys"), "unlock", "people")


def code(payload: bytes, *keys: Key, command: str = "unlock") -> str | None:
    parsed = parse(come(payload, command), context_with(*keys))
    return parsed.code if isinstance(parsed, Refusal) else None


def test_a_good_signature_is_a_command_that_says_who_gave_it(phone: Made) -> None:
    signer, key = phone
    parsed = parse(come(signer.envelope(UNLOCK), "unlock"), context_with(key))
    assert isinstance(parsed, Command), parsed
    assert (parsed.name, parsed.transaction, parsed.key, parsed.challenge) == ("unlock", "t-1", key, CHALLENGE)


def test_the_text_may_be_written_in_any_way(phone: Made) -> None:
    signer, key = phone
    text = json.dumps(UNLOCK | {"note": "Grüße \U0001f511"}, indent=1)
    signature = base64.b64encode(signer._private.sign(text.encode())).decode()
    for escaped in (True, False):
        envelope = json.dumps({"s": signature, "k": signer.id, "p": text}, ensure_ascii=escaped, indent=2)
        assert code(envelope.encode(), key) is None
    assert code(altered(envelope.encode(), p=text.replace(" ", "", 1)), key) == "bad_signature"


@pytest.mark.parametrize(
    ("change", "command", "expected"),
    [
        ({"door": "back"}, "unlock", "wrong_door"),
        ({"command": "person.list"}, "unlock", "wrong_command"),
        ({}, "selftest", "wrong_command"),
        ({"command": "pin.set", "pin": "274951"}, "pin.set", None),
        ({"command": "enroll", "name": "Ada"}, "enroll", "not_allowed"),
        ({"command": "selftest"}, "selftest", None),
        ({"challenge": None}, "unlock", "malformed"),
        ({"challenge": CHALLENGE.upper()}, "unlock", "malformed"),
        ({"door": 5}, "unlock", "malformed"),
        ({"v": 2}, "unlock", "unsupported_version"),
        ({"transaction": "a b"}, "unlock", "bad_transaction"),
        ({"command": "dance"}, "dance", "unknown_command"),
        ({"command": "pin.set", "pin": "12345"}, "pin.set", "malformed"),
        ({"command": "pin.set"}, "pin.set", "malformed"),
    ],
)
def test_what_was_signed_must_be_meant_for_here(
    phone: Made, change: dict[str, Any], command: str, expected: str | None
) -> None:
    signer, key = phone
    assert code(signer.envelope(UNLOCK | change), key, command=command) == expected


def test_each_thing_that_is_wrong_with_a_signature_has_its_own_code(phone: Made, tmp_path: Path) -> None:
    signer, key = phone
    other_signer, other = a_key(tmp_path, "unlock", name="other")
    envelope = signer.envelope(UNLOCK)
    revoked = Key(**{name: getattr(key, name) for name in key.__struct_fields__} | {"revoked": "2026-11-22T08:00:00Z"})
    assert code(envelope) == "unknown_key"
    assert code(envelope, other) == "unknown_key"
    assert code(envelope, revoked) == "revoked_key"
    assert code(altered(envelope, k=other_signer.id), key, other) == "bad_signature"
    assert code(altered(envelope, s="A" * 86 + "=="), key) == "bad_signature"
    assert code(altered(envelope, p="{}"), key) == "bad_transaction"
    for half in ({"p": None}, {"k": 5}, {"k": "ABCD"}, {"s": ""}, {"s": "!" * 88}, {"s": None}):
        assert code(altered(envelope, **half), key) == "malformed"
    for text in ("", "[]", "null", "{", '{"v":1,"v":1}', '{"x":' * 9 + "1" + "}" * 9):
        assert code(altered(envelope, p=text), key) == "malformed"


def test_keys_that_cannot_be_read_are_nobodys(phone: Made) -> None:
    signer, _ = phone
    unreadable = context_with()
    object.__setattr__(unreadable, "keyring", None)
    for payload, command in ((signer.envelope(UNLOCK), "unlock"), (json.dumps(ENROLL).encode(), "enroll")):
        parsed = parse(come(payload, command), unreadable)
        assert isinstance(parsed, Refusal)
        assert parsed.code == "store_fault"
    assert isinstance(parse(come({"v": 1, "transaction": "a"}, "person.list"), unreadable), Command)


def test_enrolling_needs_no_signature_until_there_was_a_key_for_it(phone: Made, tmp_path: Path) -> None:
    signer, enroller = a_key(tmp_path, "enroll", name="enroller")
    revoked = Key(**{name: getattr(enroller, name) for name in enroller.__struct_fields__} | {"revoked": "then"})
    plain = json.dumps(ENROLL).encode()
    assert code(plain, command="enroll") is None
    assert code(plain, phone[1], command="enroll") is None
    assert code(plain, enroller, command="enroll") == "not_signed"
    assert code(plain, revoked, command="enroll") == "not_signed", "revoking never makes the door more open"
    signed = signer.envelope(UNLOCK | {"command": "enroll", "name": "Ada"})
    assert code(signed, enroller, command="enroll") is None


def test_every_flip_of_a_single_bit_is_refused(phone: Made) -> None:
    signer, key = phone
    envelope = signer.envelope(UNLOCK)
    assert code(envelope, key) is None
    passed = []
    for place in range(len(envelope) * 8):
        flipped = bytearray(envelope)
        flipped[place // 8] ^= 1 << place % 8
        if code(bytes(flipped), key) is None:
            passed.append(bytes(flipped))
    assert passed == []


_fields = some.none() | some.booleans() | some.integers() | some.text(max_size=40) | some.just(CHALLENGE)


@surface("signed commands")
@given(
    changes=some.dictionaries(some.sampled_from([*UNLOCK, "pin", "name", "p", "ts"]), _fields, max_size=3),
    around=some.dictionaries(some.sampled_from(["p", "k", "s", "v", "transaction", "x"]), _fields, max_size=2),
    command=some.sampled_from(["unlock", "pin.set", "person.delete", "enroll", "selftest", "challenge"]),
)
def test_whatever_is_signed_or_wrapped_nothing_raises_and_only_the_signed_text_counts(
    phone: Made, changes: dict[str, Any], around: dict[str, Any], command: str
) -> None:
    signer, key = phone
    document = UNLOCK | changes
    envelope = signer.envelope(document)
    parsed = parse(come(altered(envelope, **around), command), context_with(key))
    if isinstance(parsed, Refusal) or parsed.key is None:
        return
    assert {name: value for name, value in around.items() if name in {"p", "k", "s"}}.items() <= json.loads(
        envelope
    ).items()
    assert (document["door"], document["command"], document["transaction"]) == ("front", command, parsed.transaction)
    assert parsed.challenge == document["challenge"]
    assert command in {"unlock", "pin.set", "person.delete", "selftest", "challenge"}


@surface("signed commands")
@given(at=some.integers(0, 400), cut=some.integers(0, 4), insert=some.binary(max_size=4))
def test_whatever_is_done_to_a_valid_envelope_it_says_the_same_or_nothing(
    phone: Made, at: int, cut: int, insert: bytes
) -> None:
    signer, key = phone
    envelope = signer.envelope(UNLOCK)
    parsed = parse(come(envelope[:at] + insert + envelope[at + cut :], "unlock"), context_with(key))
    assert isinstance(parsed, Refusal) or (parsed.challenge, parsed.transaction, parsed.key) == (CHALLENGE, "t-1", key)


def refused(challenges: Challenges, challenge: str, key_id: str, now: float) -> str | None:
    try:
        challenges.spend(challenge, key_id, now)
    except MessageError as error:
        return error.code
    return None


def test_a_challenge_is_good_once_for_thirty_seconds_and_for_whom_it_was_given_to() -> None:
    challenges = Challenges()
    mine, anyones, late = challenges.issue("a", 0.0), challenges.issue(None, 0.0), challenges.issue("a", 0.0)
    assert len({mine, anyones, late}) == 3
    assert refused(challenges, mine, "b", 1.0) == "expired", "given to another key"
    assert refused(challenges, mine, "a", 1.0) is None, "a stranger's try did not use it up"
    assert refused(challenges, mine, "a", 1.0) == "replayed"
    assert refused(challenges, anyones, "b", CHALLENGE_SECONDS - 0.1) is None
    assert refused(challenges, late, "a", CHALLENGE_SECONDS) == "expired"
    assert refused(challenges, CHALLENGE, "a", 1.0) == "expired"
    assert refused(Challenges(), mine, "a", 1.0) == "expired", "none outlives its process"
    backwards = challenges.issue("a", 50.0)
    assert refused(challenges, backwards, "a", 49.0) == "expired"


def test_nobody_can_take_away_a_challenge_by_asking_for_many() -> None:
    challenges = Challenges()
    mine = challenges.issue("a", 0.0)
    flood = {challenges.issue(owner, 0.0) for _ in range(1000) for owner in ("a", "b", None)}
    assert len(flood) == 3000
    assert refused(challenges, mine, "a", 0.0) is None
    assert refused(challenges, mine, "a", 0.0) == "replayed"


@given(some.data())
def test_a_challenge_that_was_altered_is_none(data: some.DataObject) -> None:
    challenges = Challenges()
    mine = challenges.issue("a", 5.0)
    place, digit = data.draw(some.integers(0, 31)), data.draw(some.sampled_from("0123456789abcdef"))
    other = mine[:place] + digit + mine[place + 1 :]
    assert refused(challenges, other, "a", 5.0) == (None if other == mine else "expired")


def test_a_private_key_is_its_owners_alone(tmp_path: Path) -> None:
    signer, _ = new_signer(tmp_path / "a.key")
    assert (tmp_path / "a.key").stat().st_mode & 0o777 == 0o600
    assert read_signer(tmp_path / "a.key").id == signer.id
    with pytest.raises(LimenError, match="File exists"):
        new_signer(tmp_path / "a.key")
    (tmp_path / "a.key").chmod(0o640)
    with pytest.raises(LimenError, match="chmod 600"):
        read_signer(tmp_path / "a.key")
    (tmp_path / "b.key").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    (tmp_path / "b.key").chmod(0o600)
    for bad in ("b.key", "missing.key"):
        with pytest.raises(LimenError, match="no private key"):
            read_signer(tmp_path / bad)


def test_keys_are_written_whole_or_not_at_all(phone: Made, tmp_path: Path) -> None:
    assert read_keys(tmp_path).keys == ()
    with changing_keys(tmp_path) as keys:
        keys.append(phone[1])
    assert read_keys(tmp_path).keys == (phone[1],)
    assert (tmp_path / KEYS_FILE).stat().st_mode & 0o777 == 0o600
    with suppress(LimenError), changing_keys(tmp_path) as keys:
        keys.clear()
        raise LimenError("something went wrong half way")
    assert read_keys(tmp_path).keys == (phone[1],)


def test_a_key_file_that_cannot_be_trusted_is_not_read(phone: Made, tmp_path: Path) -> None:
    with changing_keys(tmp_path) as keys:
        keys.append(phone[1])
    path = tmp_path / KEYS_FILE
    good = path.read_bytes()
    for bad in (
        b"",
        good[:-4],
        good.replace(b'"v": 1', b'"v": 2'),
        good.replace(phone[1].id.encode(), b"0" * 16),
        good.replace(b'"unlock"', b'"everything"'),
        good.replace(phone[1].public.encode(), b"?"),
    ):
        path.write_bytes(bad)
        with pytest.raises(StoreError):
            read_keys(tmp_path)
    path.write_bytes(good)
    path.chmod(0o620)
    with pytest.raises(StoreError, match="other users may write"):
        read_keys(tmp_path)
