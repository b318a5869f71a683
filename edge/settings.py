"""What can be configured: every key, its type, range and default. The only home of a default.

Ranges sit in the types, so that an impossible setting cannot be held at all. What each key means to a person is
written in the shipped `config.yaml`; `edge.config` reads one into these types.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

DoorId = Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,32}\Z")]
BaseTopic = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,32}(/[A-Za-z0-9_-]{1,32}){0,3}\Z")]
Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]
ShareOfReferences = Annotated[float, Meta(gt=0.0, le=1.0)]
Authority = Literal["read", "enroll", "people", "unlock"]
Pin = Annotated[int, Meta(ge=0, le=27)]
# Which way a wire falls when it is cut; `external_*`: by a resistor on the wire, not by the one inside the pin.
Pull = Literal["up", "down", "external_up", "external_down"]


class DoorSettings(Struct, frozen=True, forbid_unknown_fields=True):
    id: DoorId = "front"
    driver: Literal["gpio", "mock"] = "gpio"
    pin: Pin = 17
    active_high: bool = True
    accept_boot_level: bool = False
    unlock_seconds: Annotated[float, Meta(ge=0.1, le=10.0)] = 5.0


class InputSettings(Struct, frozen=True, forbid_unknown_fields=True):
    contact_pin: Pin | None = None
    contact_pull: Pull = "up"
    exit_button_pin: Pin | None = None
    exit_button_pull: Pull = "up"
    doorbell_pin: Pin | None = None
    doorbell_pull: Pull = "up"
    tamper_pin: Pin | None = None
    tamper_pull: Pull = "up"
    confirm_button_pin: Pin | None = None
    confirm_button_pull: Pull = "up"
    intent_button_pin: Pin | None = None
    intent_button_pull: Pull = "up"
    exit_button_confirms: bool = False
    debounce_seconds: Annotated[float, Meta(ge=0.04, le=0.5)] = 0.05
    tell_forced_open: bool = True
    opening_seconds: Annotated[float, Meta(ge=0.5, le=30.0)] = 3.0
    held_open_seconds: Annotated[float, Meta(ge=1.0, le=3600.0)] = 30.0
    held_open_reminder_seconds: Annotated[float, Meta(ge=10.0, le=86_400.0)] = 300.0


class IndicatorSettings(Struct, frozen=True, forbid_unknown_fields=True):
    lamp_pin: Pin | None = None
    lamp_active_high: bool = True
    buzzer_pin: Pin | None = None
    buzzer_active_high: bool = True


class CameraSettings(Struct, frozen=True, forbid_unknown_fields=True):
    source: Annotated[str, Meta(pattern=r"^(usb|csi|rtsp|https?|file|dir|demo):")] = "usb:0"
    width: Annotated[int, Meta(ge=160, le=3840)] = 640
    height: Annotated[int, Meta(ge=120, le=2160)] = 480
    fps: Annotated[float, Meta(ge=1.0, le=60.0)] = 15.0
    rotate: Literal[0, 90, 180, 270] = 0
    open_timeout_seconds: Annotated[float, Meta(ge=0.5, le=15.0)] = 5.0
    stall_seconds: Annotated[float, Meta(ge=0.5, le=10.0)] = 3.0
    frozen_seconds: Annotated[float, Meta(ge=0.5, le=10.0)] = 3.0


# From LFW pictures blurred, darkened, hazed and so on by degrees: around these limits the share of genuine comparisons
# that pass at FMR 1e-4 falls from 0.96 to 0.7-0.9; impostors gain nothing. 97.8 % of the untouched pictures pass.
# Presence: 3 of 9,424 LFW faces are below 0.9, and so is a printed skull in all but 1 of 200 sightings.
# Mouth and eyes: of 4,353 LFW pictures that pass all else, 9 and 6 are below these limits, and all but one of them show
# a hand, a microphone or sunglasses. Covered faces are alike: two masked strangers pass for one person far more often.
class QualitySettings(Struct, frozen=True, forbid_unknown_fields=True):
    minimum_face_pixels: Annotated[float, Meta(ge=20, le=1000)] = 60.0
    minimum_sharpness: Annotated[float, Meta(ge=0, le=10_000)] = 15.0
    minimum_brightness: Annotated[float, Meta(ge=0, le=255)] = 30.0
    maximum_brightness: Annotated[float, Meta(ge=0, le=255)] = 215.0
    minimum_contrast: Annotated[float, Meta(ge=0, le=128)] = 10.0
    maximum_yaw: Annotated[float, Meta(ge=0, le=2)] = 0.5
    maximum_pitch: Annotated[float, Meta(ge=0, le=2)] = 0.3
    maximum_roll: Annotated[float, Meta(ge=0, le=90)] = 35.0
    minimum_presence: Annotated[float, Meta(gt=0, le=1)] = 0.9
    minimum_mouth: Annotated[float, Meta(ge=0, le=10)] = 0.7
    minimum_eyes: Annotated[float, Meta(ge=0, le=10)] = 0.4


class VisionSettings(Struct, frozen=True, forbid_unknown_fields=True):
    runtime: Literal["auto", "litert", "tflite"] = "auto"
    threads: Annotated[int, Meta(ge=1, le=4)] = 1
    models: str = "models"
    detector: Literal["blazeface", "mtcnn", "haar"] = "blazeface"
    landmarks: Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,64}\Z")] = "facemesh"
    points: Literal["mesh", "detector"] = "mesh"
    embedder: Annotated[str, Meta(pattern=r"^[a-z0-9_-]{1,64}\Z")] = "mobilefacenet"
    minimum_detector_score: Annotated[float, Meta(ge=0.1, le=1.0)] = 0.5
    quality: QualitySettings = QualitySettings()


class AccessSettings(Struct, frozen=True, forbid_unknown_fields=True):
    security: Literal["convenience", "balanced", "strict"] = "balanced"
    detection_threshold: Annotated[float, Meta(gt=0.0, le=1.0)] | None = None
    verification_threshold: ShareOfReferences = 0.5
    frames_needed: Annotated[int, Meta(ge=1, le=20)] = 3
    frames_window: Annotated[int, Meta(ge=1, le=30)] = 5
    margin: Fraction = 0.05
    faces: Literal["nearest", "refuse"] = "nearest"
    trigger: Literal["always", "dwell", "button"] = "dwell"
    dwell_seconds: Annotated[float, Meta(ge=0.0, le=5.0)] = 0.6
    button_seconds: Annotated[float, Meta(ge=1.0, le=20.0)] = 5.0
    second_factor: Literal["as_needed", "always"] = "as_needed"
    untrusted_clock: Literal["refuse_limited", "ignore"] = "refuse_limited"
    refuse_after_seconds: Annotated[float, Meta(ge=1.0, le=30.0)] = 3.0
    gone_seconds: Annotated[float, Meta(ge=0.2, le=5.0)] = 1.0
    cooldown_seconds: Annotated[float, Meta(ge=1.0, le=60.0)] = 5.0
    maximum_frame_age_seconds: Annotated[float, Meta(gt=0.0, le=5.0)] = 1.0
    liveness: Literal["off"] = "off"
    accept_lower_security: bool = False


class EnrolmentSettings(Struct, frozen=True, forbid_unknown_fields=True):
    window_seconds: Annotated[float, Meta(ge=5.0, le=120.0)] = 60.0
    references: Annotated[int, Meta(ge=5, le=16)] = 10
    require_variety: bool = True
    require_consent: bool = False
    confirm: Literal["none", "button"] = "none"


class StoreSettings(Struct, frozen=True, forbid_unknown_fields=True):
    directory: str = "state"
    retention_days: Annotated[int, Meta(ge=1, le=3650)] = 90
    forget_expired_days: Annotated[int, Meta(ge=0, le=3650)] = 30
    keep_crops: bool = False


class MqttSettings(Struct, frozen=True, forbid_unknown_fields=True):
    broker: Annotated[str, Meta(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9._:-]+\Z")] = "embedded"
    port: Annotated[int, Meta(ge=0, le=65535)] = 1883
    base: BaseTopic = "limen"
    username: Annotated[str, Meta(max_length=128)] = ""
    password_file: str = ""
    tls: bool = False
    ca_file: str = ""
    client_certificate: str = ""
    client_key: str = ""
    allow: tuple[Authority, ...] = ("read",)
    accept_insecure: bool = False
    privacy: Literal["full", "ids", "none"] = "full"
    image: bool = False


class HomeAssistantSettings(Struct, frozen=True, forbid_unknown_fields=True):
    discovery: bool = True
    prefix: BaseTopic = "homeassistant"


class PreviewSettings(Struct, frozen=True, forbid_unknown_fields=True):
    port: Annotated[int, Meta(ge=0, le=65535)] = 8766


class DashboardSettings(Struct, frozen=True, forbid_unknown_fields=True):
    address: Annotated[str, Meta(pattern=r"^[0-9a-fA-F.:]{2,45}\Z")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8767
    tls_certificate: str = ""
    tls_key: str = ""
    behind_proxy: bool = False
    origin: Annotated[str, Meta(pattern=r"^(https?://[a-z0-9.\[\]:-]{1,253})?\Z")] = ""
    directory: str = "state/dashboard"
    database: str = ""
    keep_events: Annotated[int, Meta(ge=1000, le=5_000_000)] = 100_000
    keep_days: Annotated[int, Meta(ge=1, le=3650)] = 365
    session_hours: Annotated[float, Meta(ge=0.1, le=720)] = 12.0
    idle_minutes: Annotated[float, Meta(ge=1, le=43_200)] = 120.0
    key: str = ""
    unlock: bool = False
    username: Annotated[str, Meta(max_length=128)] = ""
    password_file: str = ""
    client_certificate: str = ""
    client_key: str = ""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """All of config.yaml. `home` is the directory that relative paths in it start from."""

    door: DoorSettings = DoorSettings()
    inputs: InputSettings = InputSettings()
    indicator: IndicatorSettings = IndicatorSettings()
    camera: CameraSettings = CameraSettings()
    vision: VisionSettings = VisionSettings()
    access: AccessSettings = AccessSettings()
    enrolment: EnrolmentSettings = EnrolmentSettings()
    store: StoreSettings = StoreSettings()
    mqtt: MqttSettings = MqttSettings()
    home_assistant: HomeAssistantSettings = HomeAssistantSettings()
    preview: PreviewSettings = PreviewSettings()
    dashboard: DashboardSettings = DashboardSettings()
    home: str = "."

    def path(self, value: str) -> Path:
        """A path from the configuration, relative ones from the configuration file's directory."""
        return Path(self.home, Path(value).expanduser())

    @property
    def models(self) -> Path:
        """The model directory: beside the config file, else beside the code."""
        configured = self.path(self.vision.models)
        if self.vision.models != VisionSettings().models or configured.is_dir():
            return configured
        return Path(__file__).parents[1] / "models"

    @property
    def state(self) -> Path:
        return self.path(self.store.directory)


def known_keys(kind: type[Struct] = Settings, prefix: str = "") -> dict[str, Any]:
    """Every key with its default, dotted: the docs are tested against this."""
    keys: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        if prefix == "" and field.name == "home":
            continue
        if isinstance(field.type, type) and issubclass(field.type, Struct):
            keys |= known_keys(field.type, f"{prefix}{field.name}.")
        else:
            keys[prefix + field.name] = field.default
    return keys


def value_at(settings: Struct, key: str) -> Any:
    """The value of a dotted key."""
    value: Any = settings
    for name in key.split("."):
        value = getattr(value, name)
    return value
