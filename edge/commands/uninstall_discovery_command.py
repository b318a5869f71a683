"""`limen uninstall-discovery`: remove the door from Home Assistant."""

from __future__ import annotations

from argparse import Namespace

from edge.clock import SystemClock
from edge.commands.configuration import chosen_settings
from edge.mqtt.credentials import CLIENT_FILE, broker_directory, client_login
from edge.mqtt.home_assistant import withdraw
from edge.mqtt.topics import Topics


def execute(options: Namespace) -> int:
    """Empty the retained discovery message; Home Assistant then forgets the device and its entities."""
    settings = chosen_settings(options)
    topics = Topics.of(settings)
    if settings.mqtt.broker == "embedded" and not (broker_directory(settings) / CLIENT_FILE).exists():
        print("Nothing to remove: the embedded broker does not run, and it keeps nothing when it stops.")
        return 0
    withdraw(client_login(settings), topics, SystemClock())
    print(f"{topics.discovery} is empty: Home Assistant forgets the door `{topics.door}`.")
    if settings.home_assistant.discovery:
        print("It comes back with the door's next connection, unless home_assistant.discovery is false.")
    return 0
