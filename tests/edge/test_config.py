"""config.yaml is read strictly, and says all that is wrong with it, key by key."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from edge.config import GUARDED, LAX, MAX_BYTES, read_config
from edge.errors import ConfigError
from edge.settings import Settings, known_keys, value_at
from tests.surfaces import spoilt, surface

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(content: str | bytes) -> Path:
        path = tmp_path / "config.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return to_file


def _problems(path: Path) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    return caught.value.problems


def _nested(key: str, value: Any) -> dict[str, Any]:
    for name in reversed(key.split(".")):
        value = {name: value}
    return value


def _yaml(*pairs: tuple[str, Any]) -> str:
    document: dict[str, Any] = {}
    for key, value in pairs:
        section, branch = document, _nested(key, value)
        while (name := next(iter(branch))) in section and isinstance(section[name], dict):
            section, branch = section[name], branch[name]
        section |= branch
    return yaml.safe_dump(document)


@pytest.mark.parametrize("content", ["", "\n", "# nothing\n", "---\n", "{}\n", "access: {}\n"])
def test_an_empty_file_means_all_defaults(write: Write, content: str) -> None:
    read = read_config(write(content))
    assert {key: value_at(read, key) for key in known_keys()} == known_keys()


def test_values_arrive_and_the_rest_keeps_its_defaults(write: Write) -> None:
    read = read_config(write("door: {id: back, pin: 22}\nmqtt:\n  allow: [read, enroll]\n"))
    assert (read.door.id, read.door.pin, read.mqtt.allow) == ("back", 22, ("read", "enroll"))
    assert read.access == Settings().access


def test_windows_line_ends_and_a_byte_order_mark_are_read(write: Write) -> None:
    assert read_config(write(b"\xef\xbb\xbfdoor:\r\n  id: back\r\n")).door.id == "back"


def test_relative_paths_start_from_the_file(write: Write, tmp_path: Path) -> None:
    read = read_config(write("store: {directory: here}\n"))
    assert read.state == tmp_path / "here"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("acess: {}", "acess: unknown key (did you mean 'access'?)"),
        ("access: {dwel_seconds: 1}", "access.dwel_seconds: unknown key (did you mean 'dwell_seconds'?)"),
        ("vision: {quality: {max_roll: 1}}", "vision.quality.max_roll: unknown key (did you mean 'maximum_roll'?)"),
        ("preview: {zzz: 1}", "preview.zzz: unknown key (known here: port)"),
        ("home: /tmp", "home: unknown key"),
        ("access: {security: blanced}", "access.security: Invalid enum value 'blanced' (did you mean 'balanced'?)"),
        ("camera: {rotate: 45}", "camera.rotate: Invalid enum value 45 (one of: 0, 90, 180, 270)"),
        ("mqtt: {allow: [raed]}", "mqtt.allow[0]: Invalid enum value 'raed' (did you mean 'read'?)"),
    ],
)
def test_a_slip_of_the_pen_is_answered_with_what_was_meant(write: Write, content: str, said: str) -> None:
    assert _problems(write(content)) == (said,)


def test_all_unknown_keys_are_named_at_once(write: Write) -> None:
    problems = _problems(write("dor: {}\ncamera: {hight: 480}\nmqtt: {brokr: x}\n"))
    assert [problem.split(":")[0] for problem in problems] == ["dor", "camera.hight", "mqtt.brokr"]


def test_all_wrong_values_are_named_at_once_with_the_unknown_keys(write: Write) -> None:
    problems = _problems(write("door: {pin: 99, id: [x]}\ncamera: {rotate: 45}\nvision: {quality: {x: 1}}\nmqtt: 1\n"))
    keys = ["door.pin", "door.id", "camera.rotate", "vision.quality.x", "mqtt"]
    assert [problem.split(":")[0] for problem in problems] == keys


def test_all_contradictions_and_lowered_numbers_are_named_at_once(write: Write) -> None:
    problems = _problems(write("mqtt: {ca_file: a}\naccess: {frames_needed: 9, margin: 0, dwell_seconds: 0}\n"))
    keys = ["access.frames_needed", "mqtt.ca_file", "access.margin", "access.dwell_seconds"]
    assert [problem.split(":")[0] for problem in problems] == keys


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("door.unlock_seconds", 10.5),
        ("door.unlock_seconds", 0),
        ("door.pin", 28),
        ("door.pin", -1),
        ("door.pin", 17.5),
        ("door.pin", True),
        ("door.pin", "17"),
        ("door.id", "Front Door"),
        ("door.id", "a" * 33),
        ("door.id", "front/+"),
        ("door.active_high", 1),
        ("door.driver", "none"),
        ("camera.source", "webcam"),
        ("camera.rotate", 45),
        ("camera.width", 10**30),
        ("access.margin", "0.1"),
        ("access.margin", None),
        ("access.detection_threshold", 0),
        ("access.detection_threshold", 1.01),
        ("access.verification_threshold", 0),
        ("access", []),
        ("access", "strict"),
        ("enrolment.references", 4),
        ("mqtt.base", "limen/#"),
        ("mqtt.broker", ""),
        ("mqtt.broker", "host name"),
        ("mqtt.port", 65536),
        ("mqtt.allow", "read"),
        ("mqtt.allow", ["everything"]),
        ("vision.embedder", "../model"),
    ],
)
def test_a_value_of_the_wrong_kind_or_range_is_refused_by_its_key(write: Write, key: str, value: Any) -> None:
    (problem,) = _problems(write(_yaml((key, value))))
    assert problem.startswith((f"{key}:", f"{key}[0]:"))


@pytest.mark.parametrize("key", [key for key, default in known_keys().items() if isinstance(default, float)])
@pytest.mark.parametrize("word", [".nan", ".inf", "-.inf"])
def test_no_number_may_be_endless_or_none_at_all(write: Write, key: str, word: str) -> None:
    path = write(_yaml((key, "WORD")).replace("WORD", word))
    assert [problem.split(":")[0] for problem in _problems(path)] == [key]


def test_off_no_and_on_are_words(write: Write) -> None:
    assert read_config(write("access: {liveness: off}\ndoor: {id: no}\n")).door.id == "no"
    for word in ("on", "yes", "True", "OFF"):
        (problem,) = _problems(write(f"door: {{active_high: {word}}}"))
        assert problem.startswith("door.active_high:")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("door: {pin: 1, pin: 2}", "pin: stands twice"),
        ("door: {}\ndoor: {}", "door: stands twice"),
        ("door: &d {pin: 1}\ncamera: *d", "anchors"),
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]", "anchors"),
        ("door: {<<: {pin: 1}}", "not YAML"),
        ("door:\n\tpin: 17", "not YAML"),
        ("door: !!python/object/apply:os.system [true]", "not YAML"),
        ("door: !!python/name:os.system", "not YAML"),
        ("--- {}\n--- {}", "not YAML"),
        ("door: [", "not YAML"),
        ("1: 2", "line 1: the key 1 must be a word"),
        ("? [a]\n: b", "must be a word"),
        ("null: 2", "must be a word"),
        ("- door", "not a list"),
        ("door", "not a single str"),
        ("2026-11-22", "not a single"),
        ("door: {id: 2026-11-22}", "door.id"),
        ("door: {pin: 0o21}", "door.pin"),
        ("[" * 5000, "nested too deeply"),
        ("door: " + "{a: " * 3000, "nested too deeply"),
    ],
)
def test_a_yaml_trap_is_refused_in_plain_words(write: Write, content: str, said: str) -> None:
    assert any(said in problem for problem in _problems(write(content)))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("door: {}\n".encode("utf-16"), "not UTF-8"),
        (b"door: {id: \xff}\n", "not UTF-8"),
        (b"door: {id: \x00}\n", "not YAML"),
        (b"#" * (100 * 1024), f"larger than {MAX_BYTES} bytes"),
    ],
)
def test_a_file_that_is_no_text_of_ours_is_refused(write: Write, content: bytes, said: str) -> None:
    (problem,) = _problems(write(content))
    assert said in problem


def test_a_missing_file_and_a_directory_are_named(tmp_path: Path) -> None:
    assert _problems(tmp_path / "nowhere.yaml") == (f"{tmp_path / 'nowhere.yaml'}: No such file or directory",)
    assert _problems(tmp_path) == (f"{tmp_path}: not a regular file",)


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.yaml")
    assert "not a regular file" in _problems(tmp_path / "config.yaml")[0]


def test_a_file_that_everybody_may_write_is_refused_with_the_cure(write: Write) -> None:
    path = write("")
    path.chmod(0o666)
    assert _problems(path) == (f"{path}: every user may write this file; run `chmod o-w {path}`",)


GUARDED_KEYS = [(key, direction) for direction, keys in GUARDED.items() for key in keys]


def _moved(key: str, direction: str, *, stricter: bool) -> str:
    """A file with `key` moved a little from its default; frames_window stays wide enough for frames_needed."""
    default = known_keys()[key]
    step = 1 if isinstance(default, int) else default * 0.1
    up = stricter == (direction == "at_least")
    return _yaml((key, default + step if up else default - step))


@pytest.mark.parametrize(("key", "direction"), GUARDED_KEYS)
def test_a_protecting_number_may_be_made_stricter(write: Write, key: str, direction: str) -> None:
    read = read_config(write(_moved(key, direction, stricter=True)))
    assert value_at(read, key) != known_keys()[key]


@pytest.mark.parametrize(("key", "direction"), GUARDED_KEYS)
def test_a_protecting_number_is_made_looser_only_on_purpose(write: Write, key: str, direction: str) -> None:
    looser = _moved(key, direction, stricter=False)
    (problem,) = _problems(write(looser))
    assert problem.startswith(f"{key}: ")
    assert "access.accept_lower_security" in problem
    allowed = yaml.safe_load(looser)
    allowed.setdefault("access", {})["accept_lower_security"] = True
    assert value_at(read_config(write(yaml.safe_dump(allowed))), key) != known_keys()[key]


@pytest.mark.parametrize(("key", "word"), LAX.items())
def test_a_word_that_lowers_the_security_is_accepted_only_on_purpose(write: Write, key: str, word: str) -> None:
    (problem,) = _problems(write(_yaml((key, word))))
    assert problem.startswith(f"{key}: {word} lowers the door's security; access.accept_lower_security")
    assert value_at(read_config(write(_yaml((key, word), ("access.accept_lower_security", True)))), key) == word


@pytest.mark.parametrize(
    "pin", ["intent_button_pin", "doorbell_pin", "confirm_button_pin", "exit_button_confirms: true, exit_button_pin"]
)
def test_a_button_can_be_asked_for_where_there_is_one(write: Write, pin: str) -> None:
    outside = pin in {"intent_button_pin", "doorbell_pin"}
    key = "access: {trigger: button}" if outside else "enrolment: {confirm: button}"
    read = read_config(write(f"{key}\ninputs: {{{pin}: 24}}"))
    assert (read.access.trigger if outside else read.enrolment.confirm) == "button"


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ("access: {frames_needed: 6}", "access.frames_needed"),
        ("vision: {quality: {minimum_brightness: 225}}", "vision.quality.minimum_brightness"),
        ("mqtt: {ca_file: ca.pem}", "mqtt.ca_file"),
        ("mqtt: {tls: true, client_certificate: own.crt}", "mqtt.client_certificate"),
        ("mqtt: {client_certificate: own.crt, client_key: own.key}", "mqtt.client_certificate"),
        ("mqtt: {password_file: secret}", "mqtt.password_file"),
        ("mqtt: {broker: localhost, port: 0}", "mqtt.port"),
        ("access: {trigger: button}", "access.trigger"),
        ("enrolment: {confirm: button}\ninputs: {exit_button_pin: 24}", "enrolment.confirm"),
        ("mqtt: {image: true, privacy: ids}", "mqtt.image"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(write: Write, content: str, key: str) -> None:
    assert [problem.split(":")[0] for problem in _problems(write(content))] == [key]


_WORDS = st.sampled_from([*"{}[]:-#&*!|>'\"%@?\n\t ", "door", "access", "margin", "!!python/name:os", ".nan", "1e999"])
_GOOD = b"{door: {unlock_seconds: 1}, camera: {source: usb:0}, mqtt: {port: 0, allow: [read]}, access: {margin: 0.1}}"


@surface("config.yaml")
@given(st.lists(_WORDS, max_size=30).map("".join).map(str.encode) | spoilt(_GOOD))
def test_whatever_stands_in_the_file_the_answer_is_settings_or_a_config_error(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "any.yaml").write_bytes(text)
    with contextlib.suppress(ConfigError):
        assert isinstance(read_config(tmp_path / "any.yaml"), Settings)
