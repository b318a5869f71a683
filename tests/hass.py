"""A Home Assistant that has MQTT and nothing else: run with a Python in which the package `homeassistant` is installed.

    python hass.py BROKER_PORT HTTP_PORT FOLDER

Answers each line of its input, an object, with one line: {"states": true} with every entity's state and attributes;
{"service": "lock.unlock", "data": {…}} when it is done; {"image": ENTITY} with the picture in base64, null for none.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from pathlib import Path
from types import MappingProxyType
from typing import Any

from homeassistant import auth, bootstrap, loader
from homeassistant.config_entries import ConfigEntries, ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component


async def begin(broker_port: int, http_port: int, folder: str) -> HomeAssistant:
    """As far as Home Assistant comes when its user has set up MQTT in the settings."""
    (Path(folder) / "configuration.yaml").touch()
    hass = HomeAssistant(folder)
    loader.async_setup(hass)
    hass.config_entries = ConfigEntries(hass, {})
    await bootstrap.async_load_base_functionality(hass)
    hass.auth = await auth.auth_manager_from_config(hass, [{"type": "homeassistant"}], [])
    http = {"server_host": ["127.0.0.1"], "server_port": http_port}
    assert await async_setup_component(hass, "mqtt", {"http": http})
    entry = ConfigEntry(
        domain="mqtt",
        title="the broker",
        data={"broker": "127.0.0.1", "port": broker_port, "protocol": "5"},
        options={},
        version=1,
        minor_version=2,
        source="user",
        unique_id=None,
        discovery_keys=MappingProxyType({}),
        subentries_data=(),
    )
    await hass.config_entries.async_add(entry)
    await hass.async_start()
    return hass


async def answer(hass: HomeAssistant, wish: dict[str, Any]) -> Any:
    if "service" in wish:
        domain, _, service = wish["service"].partition(".")
        try:
            await hass.services.async_call(domain, service, wish["data"], blocking=True)
        except HomeAssistantError as error:
            return str(error)
        return "done"
    if "image" in wish:
        image = await hass.data["entity_components"]["image"].get_entity(wish["image"]).async_image()
        return base64.b64encode(image).decode() if image else None
    return {one.entity_id: {"state": one.state, **one.attributes} for one in hass.states.async_all()}


async def main(broker_port: str, http_port: str, folder: str) -> None:
    hass = await begin(int(broker_port), int(http_port), folder)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await answer(hass, json.loads(line)), default=str), flush=True)
    await hass.async_stop(force=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
