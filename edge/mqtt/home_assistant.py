"""What Home Assistant needs to show the door by itself: one retained discovery message for the whole device.

Entities read the door's own topics through templates; nothing is published for Home Assistant alone. Events stay
available while the camera is lost: an event entity that comes back looks like a new event to a careless automation.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

import msgspec

from edge import __version__
from edge.clock import Clock
from edge.errors import LimenError
from edge.mqtt.credentials import Login
from edge.mqtt.link import Link, Wiring
from edge.mqtt.lock_set import CODE_FORMAT, COMMAND_TEMPLATE
from edge.mqtt.topics import Topics
from edge.settings import InputSettings, Settings

_CONNECT_SECONDS: Final = 6.0
_REMOVAL_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.02

_Component = dict[str, Any]


def announcement(settings: Settings) -> bytes:
    """The discovery message, for `Topics.discovery`.

    A component that does not apply is named with its platform only: Home Assistant then removes an earlier one.
    """
    topics = Topics.of(settings)
    name = f"limen_{topics.door}"
    components = _lock(topics, commanded="unlock" in settings.mqtt.allow)
    components |= _visits(topics, named=settings.mqtt.privacy != "none")
    components |= _door(topics, settings.inputs)
    components |= _health(topics)
    components |= _selftest(topics)
    components |= _image(topics, asked_for=settings.mqtt.image)
    for key, component in components.items():
        if len(component) > 1:
            component["unique_id"] = f"{name}_{key}"
    message = {
        "dev": {
            "ids": [name],
            "name": f"Limen {topics.door}",
            "mf": "Limen",
            "mdl": "Camera door lock",
            "sw": __version__,
        },
        "o": {"name": "limen", "sw": __version__},
        "avty": [{"topic": topics.availability}],
        "cmps": components,
    }
    return msgspec.json.encode(message)


def withdraw(login: Login, topics: Topics, clock: Clock) -> None:
    """Remove the retained discovery message from the broker. Raises LimenError when it cannot be done."""
    wiring = Wiring(f"limen-client-{secrets.token_hex(8)}", (topics.discovery,))
    with Link(login, wiring, clock) as link:
        if not link.wait(_CONNECT_SECONDS):
            raise LimenError(link.problem or "the broker does not answer")
        ticket = link.publish(topics.discovery, b"", retain=True)
        give_up = clock.now() + _REMOVAL_SECONDS
        while ticket not in link.acknowledged():
            if link.problem or clock.now() > give_up:
                raise LimenError(link.problem or "the broker did not confirm the removal")
            clock.sleep(_POLL_SECONDS)


def _lock(topics: Topics, *, commanded: bool) -> dict[str, _Component]:
    """A lock needs a command topic. A door that may not be unlocked over MQTT shows its strike as a sensor instead."""
    lock = {
        "p": "lock",
        "name": None,
        "state_topic": topics.lock_state,
        "command_topic": topics.lock_set,
        "code_format": CODE_FORMAT,
        "command_template": COMMAND_TEMPLATE,
        "qos": 1,
        "retain": False,
        "optimistic": False,
    }
    strike = {
        "p": "sensor",
        "name": "Strike",
        "state_topic": topics.lock_state,
        "value_template": "{{ value | lower }}",
        "device_class": "enum",
        "options": ["locked", "unlocked", "jammed"],
    }
    return {"lock": lock, "strike": {"p": "sensor"}} if commanded else {"lock": {"p": "lock"}, "strike": strike}


def _visits(topics: Topics, *, named: bool) -> dict[str, _Component]:
    who = "value_json.person or value_json.person_id"
    last_person = {
        "p": "sensor",
        "name": "Last person",
        "state_topic": topics.event("access"),
        "value_template": f"{{{{ ({who}) if value_json.verdict == 'granted' else this.state }}}}",
        "icon": "mdi:account-check",
    }
    return {
        "access": {
            "p": "event",
            "name": "Access",
            "state_topic": topics.event("access"),
            "event_types": ["granted", "refused"],
            "value_template": "{{ dict(value_json, event_type=value_json.verdict) | to_json }}",
            "icon": "mdi:face-recognition",
            "qos": 1,
        },
        "last_person": last_person if named else {"p": "sensor"},
        "granted": _count(topics, "granted", "Visits granted"),
        "refused": _count(topics, "refused", "Visits refused"),
    }


def _door(topics: Topics, inputs: InputSettings) -> dict[str, _Component]:
    """Only what is wired."""

    def event(name: str, types: list[str], template: str, **more: str) -> _Component:
        where = topics.event("door")
        return {
            "p": "event",
            "name": name,
            "state_topic": where,
            "event_types": types,
            "value_template": template,
            "qos": 1,
            **more,
        }

    as_it_is = "{{ dict(value_json, event_type=value_json.event) | to_json }}"
    ring = "{{ dict(value_json, event_type='ring') | to_json }}"
    wired = {
        "forced_open": inputs.contact_pin,
        "held_open": inputs.contact_pin,
        "exit_button": inputs.exit_button_pin,
        "tamper": inputs.tamper_pin,
    }
    words = [word for word, pin in wired.items() if pin is not None]
    bell = event(
        "Doorbell",
        ["ring"],
        f"{{% if value_json.event == 'doorbell' %}}{ring}{{% endif %}}",
        device_class="doorbell",
    )
    others = event("Door", words, f"{{% if value_json.event != 'doorbell' %}}{as_it_is}{{% endif %}}")
    return {
        "door_event": others if words else {"p": "event"},
        "doorbell": bell if inputs.doorbell_pin is not None else {"p": "event"},
        "contact": _contact(topics) if inputs.contact_pin is not None else {"p": "binary_sensor"},
    }


def _contact(topics: Topics) -> _Component:
    return {
        "p": "binary_sensor",
        "name": "Door contact",
        "device_class": "door",
        "state_topic": topics.door_state,
        "value_template": "{{ 'None' if value == 'unknown' else value }}",
        "payload_on": "open",
        "payload_off": "closed",
    }


def _health(topics: Topics) -> dict[str, _Component]:
    return {
        "problem": {
            "p": "binary_sensor",
            "name": "Problem",
            "device_class": "problem",
            "state_topic": topics.status,
            "value_template": "{{ 'ON' if value_json.problems else 'OFF' }}",
            "json_attributes_topic": topics.status,
            "json_attributes_template": "{{ {'problems': value_json.problems} | to_json }}",
        },
        "camera": {
            "p": "binary_sensor",
            "name": "Camera",
            "device_class": "connectivity",
            "entity_category": "diagnostic",
            "state_topic": topics.camera_availability,
            "payload_on": "online",
            "payload_off": "offline",
        },
        "temperature": _figure(topics, "Temperature", "value_json.temperature_celsius", "temperature", "°C"),
        # A door without a camera has no latency: this one needs both topics.
        "latency": _figure(topics, "Latency", "(value_json.latency_ms.frame | default({})).p50", "duration", "ms")
        | {
            "availability": [{"topic": topics.availability}, {"topic": topics.camera_availability}],
            "availability_mode": "all",
        },
    }


def _selftest(topics: Topics) -> dict[str, _Component]:
    """A button, and what the door answered last, whoever asked."""
    result = topics.response("selftest")
    return {
        "selftest": {
            "p": "button",
            "name": "Self-test",
            "entity_category": "diagnostic",
            "command_topic": topics.request("selftest"),
            "command_template": '{"v":1,"transaction":"ha-{{ (now().timestamp() * 1000) | int }}"}',
            "retain": False,
        },
        "selftest_result": {
            "p": "sensor",
            "name": "Self-test result",
            "entity_category": "diagnostic",
            "state_topic": result,
            "value_template": "{{ value_json.status }}",
            "json_attributes_topic": result,
            "json_attributes_template": "{{ (value_json.data or value_json.error) | to_json }}",
        },
    }


def _image(topics: Topics, *, asked_for: bool) -> dict[str, _Component]:
    """Empty after a restart of Home Assistant until somebody comes: no face is left on the broker."""
    image = {"p": "image", "name": "Last visit", "image_topic": topics.image, "content_type": "image/jpeg"}
    return {"image": image if asked_for else {"p": "image"}}


def _count(topics: Topics, field: str, name: str) -> _Component:
    """Counts from the start of the daemon: `total_increasing` tells Home Assistant that it may begin again at 0."""
    return {
        "p": "sensor",
        "name": name,
        "state_topic": topics.status,
        "value_template": f"{{{{ value_json.{field} }}}}",
        "state_class": "total_increasing",
    }


def _figure(topics: Topics, name: str, value: str, device_class: str, unit: str) -> _Component:
    """What was not measured is `None`, and unknown to Home Assistant."""
    return {
        "p": "sensor",
        "name": name,
        "entity_category": "diagnostic",
        "state_topic": topics.status,
        "value_template": f"{{{{ {value} | default(none) }}}}",
        "device_class": device_class,
        "unit_of_measurement": unit,
        "state_class": "measurement",
    }
