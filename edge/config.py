"""config.yaml -> frozen, validated settings. The only YAML reader.

Numbers that protect the door may only move towards stricter unless `access.accept_lower_security` is true
(`GUARDED`); the detection threshold itself is held against the model's card where the rule is made.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
import yaml
from msgspec import Struct

from edge.errors import ConfigError
from edge.pins import pin_problems
from edge.settings import Settings, known_keys, value_at

MAX_BYTES: Final = 64 * 1024

# Numbers that protect the door: `at_least` may only rise, `at_most` may only fall, without accept_lower_security.
GUARDED: Final = {
    "at_least": (
        "access.verification_threshold",
        "access.frames_needed",
        "access.margin",
        "access.dwell_seconds",
        "access.cooldown_seconds",
        "vision.minimum_detector_score",
        "vision.quality.minimum_face_pixels",
        "vision.quality.minimum_sharpness",
        "vision.quality.minimum_brightness",
        "vision.quality.minimum_contrast",
        "vision.quality.minimum_presence",
        "vision.quality.minimum_mouth",
        "vision.quality.minimum_eyes",
    ),
    "at_most": (
        "access.frames_window",
        "access.button_seconds",
        "access.maximum_frame_age_seconds",
        "vision.quality.maximum_brightness",
        "vision.quality.maximum_yaw",
        "vision.quality.maximum_pitch",
        "vision.quality.maximum_roll",
    ),
}
# Words that lower the door's security: whoever walks past opens it; a clock that nobody set opens out of hours.
LAX: Final = {"access.trigger": "always", "access.untrusted_clock": "ignore"}


def read_config(path: Path) -> Settings:
    """Read and check `path`.

    Raises ConfigError listing what is wrong, each problem beginning with the key (or the file's name).
    """
    document = _keys_and_values(path)
    if "home" in document:
        raise ConfigError("home: unknown key")
    settings = _settings(document, path)
    problems = [*_contradictions(settings), *pin_problems(settings), *_lowered(settings)]
    if problems:
        raise ConfigError(*problems)
    return settings


def read_strike(path: Path) -> Settings:
    """Only what it takes to drive the strike's pin to its locked level, whatever is wrong with the rest of `path`.

    Raises ConfigError where `path` is no configuration at all, or the strike's own keys are wrong.
    """
    needed = {"door": {"driver", "pin", "active_high"}, "store": {"directory"}}
    document = {name: section for name, section in _keys_and_values(path).items() if name in needed}
    for name, section in document.items():
        if isinstance(section, dict):
            document[name] = {key: value for key, value in section.items() if key in needed[name]}
    return _settings(document, path)


class _StrictLoader(yaml.SafeLoader):
    """YAML as people read it: `off`, `no` and `on` are words; a key stands once; no anchors that grow."""

    def construct_mapping(  # the signature is PyYAML's
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002
    ) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise ConfigError(f"line {key_node.start_mark.line + 1}: the key {key!r} must be a word")
            if key in seen:
                raise ConfigError(f"{key}: stands twice (line {key_node.start_mark.line + 1})")
            seen.add(key)
        return super().construct_mapping(node, deep)

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise ConfigError("YAML anchors and aliases are not used here: write the value out")
        return super().compose_node(parent, index)


_BOOLEAN_TAG: Final = "tag:yaml.org,2002:bool"
_StrictLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOLEAN_TAG]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_StrictLoader.add_implicit_resolver(_BOOLEAN_TAG, re.compile(r"^(?:true|false)$"), list("tf"))


def _keys_and_values(path: Path) -> dict[str, Any]:
    document = _parse(path)
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError(f"{path.name}: the file must hold keys and values, not {_kind(document)}")
    return document


def _settings(document: dict[str, Any], path: Path) -> Settings:
    wrong = list(_wrong(document, Settings, ""))
    if wrong:
        raise ConfigError(*wrong)
    return msgspec.convert(document | {"home": str(path.parent.absolute())}, Settings, strict=True)


def _parse(path: Path) -> Any:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"{path}: not a regular file")
        if status.st_mode & stat.S_IWOTH:
            raise ConfigError(f"{path}: every user may write this file; run `chmod o-w {path}`")
        if status.st_size > MAX_BYTES:
            raise ConfigError(f"{path}: larger than {MAX_BYTES} bytes")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text") from error
    try:
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a subclass of SafeLoader
    except yaml.YAMLError as error:
        raise ConfigError(f"{path.name}: not YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise ConfigError(f"{path.name}: nested too deeply") from error


def _wrong(document: dict[str, Any], kind: type[Struct], prefix: str) -> Iterator[str]:
    """Every unknown key, and every value of the wrong type or range."""
    fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
    for key, value in document.items():
        if key not in fields:
            yield f"{prefix}{key}: unknown key{_hint(key, fields, 'known here')}"
        elif isinstance(value, dict) and isinstance(fields[key], type) and issubclass(fields[key], Struct):
            yield from _wrong(value, fields[key], f"{prefix}{key}.")
        else:
            try:
                msgspec.convert(value, fields[key], strict=True)
            except msgspec.ValidationError as error:
                yield f"{prefix}{key}{_readable(error, fields[key])}"


def _readable(error: msgspec.ValidationError, kind: Any) -> str:
    """The message with its place in front, `[0]: …` within a list, and a hint where words were to choose from."""
    message, _, where = str(error).partition(" - at `$")
    choice = re.search(r"Invalid enum value '?(.*?)'?$", message)
    hint = _hint(choice[1], _literals(kind), "one of") if choice else ""
    return f"{where.rstrip('`')}: {message}{hint}"


def _hint(word: str, choices: Iterable[object], label: str) -> str:
    options = [str(choice) for choice in choices]
    near = difflib.get_close_matches(word, options, n=1)
    return f" (did you mean {near[0]!r}?)" if near else f" ({label}: {', '.join(options)})"


def _literals(kind: Any) -> list[Any]:
    """The allowed values of a Literal, also inside `tuple[Literal[...], ...]`."""
    parts = (part for part in get_args(kind) if part is not ...)
    return [value for part in parts for value in (_literals(part) if get_args(part) else [part])]


def _contradictions(settings: Settings) -> list[str]:
    problems = []
    if settings.access.frames_needed > settings.access.frames_window:
        problems.append("access.frames_needed: larger than access.frames_window")
    problems += _missing_buttons(settings)
    quality = settings.vision.quality
    if quality.minimum_brightness >= quality.maximum_brightness:
        problems.append("vision.quality.minimum_brightness: not below vision.quality.maximum_brightness")
    if settings.vision.points == "detector" and settings.vision.detector != "mtcnn":
        problems.append(f"vision.points: {settings.vision.detector} has no points of its own, only mtcnn has")
    return [*problems, *_mqtt_contradictions(settings)]


def _mqtt_contradictions(settings: Settings) -> list[str]:
    problems = []
    if settings.mqtt.ca_file and not settings.mqtt.tls:
        problems.append("mqtt.ca_file: needs mqtt.tls: true")
    if bool(settings.mqtt.client_certificate) != bool(settings.mqtt.client_key):
        problems.append("mqtt.client_certificate: goes together with mqtt.client_key")
    if settings.mqtt.client_certificate and not settings.mqtt.tls:
        problems.append("mqtt.client_certificate: needs mqtt.tls: true")
    if settings.mqtt.password_file and not settings.mqtt.username:
        problems.append("mqtt.password_file: needs mqtt.username")
    if settings.mqtt.image and settings.mqtt.privacy != "full":
        problems.append("mqtt.image: needs mqtt.privacy: full; a face tells more than a name")
    if settings.mqtt.broker != "embedded" and settings.mqtt.port == 0:
        problems.append("mqtt.port: 0 (any free port) is for the embedded broker only")
    return [*problems, *_exposed(settings)]


def _exposed(settings: Settings) -> Iterator[str]:
    """What would show the dashboard to a network without protection, or is half of something."""
    board = settings.dashboard
    if bool(board.tls_certificate) != bool(board.tls_key):
        yield "dashboard.tls_certificate: goes together with dashboard.tls_key"
    if board.behind_proxy and not board.origin.startswith("https://"):
        yield "dashboard.behind_proxy: needs dashboard.origin, the https:// address that people type"
    if board.password_file and not board.username:
        yield "dashboard.password_file: needs dashboard.username"
    if bool(board.client_certificate) != bool(board.client_key):
        yield "dashboard.client_certificate: goes together with dashboard.client_key"
    try:
        loopback = ipaddress.ip_address(board.address).is_loopback
    except ValueError:
        yield f"dashboard.address: {board.address} is not an IP address"
        return
    if not loopback and not board.tls_certificate and not board.behind_proxy:
        yield (
            "dashboard.address: others than this machine may reach it there: give dashboard.tls_certificate and "
            "dashboard.tls_key, or dashboard.behind_proxy with a proxy that does TLS"
        )


def _missing_buttons(settings: Settings) -> list[str]:
    problems, inputs = [], settings.inputs
    if settings.access.trigger == "button" and inputs.intent_button_pin is None and inputs.doorbell_pin is None:
        problems.append("access.trigger: button needs inputs.intent_button_pin, or inputs.doorbell_pin")
    confirms = inputs.exit_button_pin if inputs.exit_button_confirms else None
    if settings.enrolment.confirm == "button" and inputs.confirm_button_pin is None and confirms is None:
        problems.append(
            "enrolment.confirm: button needs inputs.confirm_button_pin, or inputs.exit_button_confirms: true"
        )
    return problems


def _lowered(settings: Settings) -> list[str]:
    """Security numbers looser than their default. The detection threshold is checked against the model's card."""
    if settings.access.accept_lower_security:
        return []
    defaults = known_keys()
    problems = []
    for direction, keys in GUARDED.items():
        for key in keys:
            value, default = value_at(settings, key), defaults[key]
            if value < default if direction == "at_least" else value > default:
                word = direction.replace("_", " ")
                problems.append(
                    f"{key}: {value} lowers the door's security ({word} {default}); "
                    "access.accept_lower_security: true would allow it"
                )
    problems += [
        f"{key}: {word} lowers the door's security; access.accept_lower_security: true would allow it"
        for key, word in LAX.items()
        if value_at(settings, key) == word
    ]
    return problems


def _kind(value: object) -> str:
    return "a list" if isinstance(value, list) else f"a single {type(value).__name__}"
