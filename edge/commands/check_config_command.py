"""`limen check-config`: read the configuration and the models, and say in words what the door will do."""

from __future__ import annotations

from argparse import Namespace

from edge.commands.configuration import chosen_settings
from edge.pins import pin_remarks, wired
from edge.service.rule import effective_rule
from edge.settings import Settings


def execute(options: Namespace) -> int:
    """Print the door in plain words; every problem has raised before."""
    settings = chosen_settings(options)
    rule = effective_rule(settings)
    print("\n".join([*_hardware(settings), "", rule.explain(), "", *_network(settings)]))
    return 0


def _hardware(settings: Settings) -> list[str]:
    door = settings.door
    level = "high" if door.active_high else "low"
    strike = f"pin {door.pin} goes {level}" if door.driver == "gpio" else "nothing moves (door.driver: mock)"
    camera = settings.camera.source.partition(":")[0]
    return [
        f"The door `{door.id}` watches {camera} and opens for {door.unlock_seconds:g} s: {strike}.",
        f"People and events are kept in {settings.state}, events for {settings.store.retention_days} days.",
        _expiry(settings.store.forget_expired_days),
        *_wires(settings),
        "A single camera can be fooled by a photograph: access.liveness is off.",
    ]


def _wires(settings: Settings) -> list[str]:
    names = {key.partition(".")[2].removesuffix("_pin").replace("_", " "): pin for key, pin in wired(settings).items()}
    also = [f"{name} on pin {pin}" for name, pin in names.items() if name != "pin"]
    return [f"Also wired: {', '.join(also) or 'nothing'}.", *pin_remarks(settings)]


def _network(settings: Settings) -> list[str]:
    mqtt = settings.mqtt
    where = "a private broker on this machine" if mqtt.broker == "embedded" else f"{mqtt.broker}:{mqtt.port}"
    secure = mqtt.broker == "embedded" or mqtt.tls
    allowed = ", ".join(mqtt.allow) or "nothing"
    lines = [f"Events go to {where} below {mqtt.base}/{settings.door.id}/; over MQTT may be asked: {allowed}."]
    if not secure:
        lines.append("That connection is not encrypted (mqtt.tls: false).")
    return lines


def _expiry(days: int) -> str:
    if not days:
        return "People whose access has ended stay until somebody deletes them."
    return f"People are deleted {days} days after the end of their access, where they have one."
