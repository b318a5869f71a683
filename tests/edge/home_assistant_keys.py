"""What Home Assistant's MQTT discovery requires and allows, by component.

From the schemas of Home Assistant 2026.2.3 (February 2026: `components/mqtt/schemas.py`, `config.py`, `lock.py`,
`event.py`, `sensor.py`, `binary_sensor.py`, `button.py`, `image.py`, `abbreviations.py`), which its documentation
describes at https://www.home-assistant.io/integrations/mqtt/ and on each component's `….mqtt` page. Home Assistant
ignores unknown keys of a component in silence, so a misspelt one would not be noticed anywhere else. The package itself
needs Python 3.13 and half a gigabyte of others: too much to hold this message against it at every test.
"""

from __future__ import annotations

from typing import Any, Final

VERSION: Final = "2026.2.3"
# Only the abbreviations in use; `abbreviations.py` has them all.
ABBREVIATIONS: Final = {"dev": "device", "o": "origin", "avty": "availability", "cmps": "components", "p": "platform"}
DEVICE_ABBREVIATIONS: Final = {
    "ids": "identifiers",
    "mf": "manufacturer",
    "mdl": "model",
    "sw": "sw_version",
    "name": "name",
}
ORIGIN_ABBREVIATIONS: Final = {"name": "name", "sw": "sw_version", "url": "support_url"}

DEVICE: Final = {
    *("identifiers", "connections", "manufacturer", "model", "model_id", "name", "hw_version", "serial_number"),
    *("sw_version", "via_device", "suggested_area", "configuration_url"),
}
ORIGIN: Final = {"name", "sw_version", "support_url"}
AVAILABILITY: Final = {"topic", "payload_available", "payload_not_available", "value_template"}
MODES: Final = {"all", "any", "latest"}
_AVAILABILITY_OPTIONS: Final = {
    *("availability", "availability_mode", "availability_topic", "availability_template"),
    *("payload_available", "payload_not_available"),
}
MESSAGE_REQUIRED: Final = {"device", "origin", "components"}
MESSAGE: Final = MESSAGE_REQUIRED | _AVAILABILITY_OPTIONS | {"state_topic", "command_topic", "qos", "encoding"}

_COMMON: Final = _AVAILABILITY_OPTIONS | {
    *("platform", "unique_id", "name", "device", "origin", "enabled_by_default", "entity_category", "entity_picture"),
    *("icon", "json_attributes_topic", "json_attributes_template", "default_entity_id", "object_id", "qos", "encoding"),
}
_READS: Final = {"state_topic", "value_template"}

# Of every entity a device message also requires a `unique_id`.
REQUIRED: Final[dict[str, set[str]]] = {
    "lock": {"command_topic"},
    "event": {"state_topic", "event_types"},
    "sensor": {"state_topic"},
    "binary_sensor": {"state_topic"},
    "button": {"command_topic"},
    # Or `url_topic`, which this table leaves out: Limen sends the picture itself.
    "image": {"image_topic"},
}
ALLOWED: Final[dict[str, set[str]]] = {
    "lock": _COMMON
    | _READS
    | {
        *("command_topic", "command_template", "code_format", "optimistic", "retain"),
        *("payload_lock", "payload_unlock", "payload_open", "payload_reset"),
        *("state_jammed", "state_locked", "state_locking", "state_open", "state_opening"),
        *("state_unlocked", "state_unlocking"),
    },
    "event": _COMMON | _READS | {"event_types", "device_class"},
    "sensor": _COMMON
    | _READS
    | {
        *("device_class", "state_class", "unit_of_measurement", "options", "expire_after", "force_update"),
        *("last_reset_value_template", "suggested_display_precision"),
    },
    "binary_sensor": _COMMON
    | _READS
    | {"device_class", "expire_after", "force_update", "off_delay", "payload_on", "payload_off"},
    "button": _COMMON | {"command_topic", "command_template", "device_class", "payload_press", "retain"},
    "image": _COMMON | {"image_topic", "content_type", "image_encoding"},
}
# Those in use, and the units that go with them.
DEVICE_CLASSES: Final[dict[str, set[str]]] = {
    "event": {"doorbell", "button", "motion"},
    "sensor": {"enum", "temperature", "duration"},
    "binary_sensor": {"door", "problem", "connectivity"},
}
UNITS: Final = {"temperature": {"°C", "°F", "K"}, "duration": {"d", "h", "min", "s", "ms", "μs"}}
STATE_CLASSES: Final = {"measurement", "total", "total_increasing"}
CATEGORIES: Final = {"config", "diagnostic"}


def spelt_out(names: dict[str, Any], abbreviations: dict[str, str]) -> dict[str, Any]:
    """Without abbreviations, as Home Assistant reads it."""
    return {abbreviations.get(key, key): value for key, value in names.items()}


def problems(message: dict[str, Any]) -> list[str]:
    """What Home Assistant would not take of a device discovery message."""
    message = spelt_out(message, ABBREVIATIONS)
    found = _keys("message", message, MESSAGE_REQUIRED, MESSAGE)
    device = spelt_out(message.get("device", {}), DEVICE_ABBREVIATIONS)
    found += _keys("device", device, {"identifiers"}, DEVICE)
    found += _keys("origin", spelt_out(message.get("origin", {}), ORIGIN_ABBREVIATIONS), {"name"}, ORIGIN)
    found += _availability("message", message)
    ids = [component["unique_id"] for component in message["components"].values() if "unique_id" in component]
    found += ["unique_id: not unique"] if len(ids) != len(set(ids)) else []
    for key, component in message["components"].items():
        found += _component(key, spelt_out(component, ABBREVIATIONS))
    return found


def _component(key: str, component: dict[str, Any]) -> list[str]:
    platform = component["platform"]
    if len(component) == 1:
        return [] if platform in ALLOWED else [f"{key}: no platform {platform}"]
    found = _keys(key, component, REQUIRED[platform] | {"unique_id"}, ALLOWED[platform]) + _availability(key, component)
    kind = component.get("device_class")
    chosen = (
        (kind, DEVICE_CLASSES.get(platform, set())),
        (component.get("unit_of_measurement"), UNITS.get(str(kind), set())),
        (component.get("state_class"), STATE_CLASSES),
        (component.get("entity_category"), CATEGORIES),
    )
    found += [f"{key}: {value}" for value, choices in chosen if value is not None and value not in choices]
    if ("options" in component) != (kind == "enum"):
        found.append(f"{key}: options are for the device class enum")
    return found


def _availability(key: str, names: dict[str, Any]) -> list[str]:
    found = [] if names.get("availability_mode", "latest") in MODES else [f"{key}: availability_mode"]
    return found + [
        problem for one in names.get("availability", ()) for problem in _keys(key, one, {"topic"}, AVAILABILITY)
    ]


def _keys(where: str, names: dict[str, Any], required: set[str], allowed: set[str]) -> list[str]:
    return [f"{where}: {key} is missing" for key in sorted(required - names.keys())] + [
        f"{where}: {key} is unknown" for key in sorted(names.keys() - allowed)
    ]
