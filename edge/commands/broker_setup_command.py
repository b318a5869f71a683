"""`limen broker-setup`: the files of a mosquitto with TLS, passwords and an access list."""

from __future__ import annotations

import socket
from argparse import Namespace

from edge.clock import SystemClock
from edge.commands.configuration import chosen_settings
from edge.errors import ConfigError
from edge.mqtt.broker_files import BrokerPlan, set_up
from edge.mqtt.topics import Topics
from edge.settings import Settings


def execute(options: Namespace) -> int:
    """Write the files and say what to do with them."""
    settings = chosen_settings(options)
    if not 1 <= options.port <= 65535:
        raise ConfigError("--port: between 1 and 65535")
    hosts = tuple(options.host or _usual_hosts(settings))
    doors = tuple(options.door or [settings.door.id])
    directory = options.directory.absolute()
    plan = BrokerPlan(directory, Topics.of(settings), doors, hosts, options.port, options.require_certificates)
    users = set_up(plan, SystemClock())
    print(_story(plan, users))
    return 0


def _usual_hosts(settings: Settings) -> list[str]:
    own = socket.gethostname().partition(".")[0]
    configured = [settings.mqtt.broker] if settings.mqtt.broker != "embedded" else []
    return list(dict.fromkeys([*configured, own, f"{own}.local", "localhost", "127.0.0.1"]))


def _story(plan: BrokerPlan, users: tuple[str, ...]) -> str:
    certificate = "\n  client_certificate: secrets/client.crt\n  client_key: secrets/client.key" if plan.strict else ""
    return f"""\
{plan.directory} has a broker for {", ".join(plan.hosts)} on port {plan.port}, and the users {", ".join(users)}.

On the broker's machine:
  sudo ln -sf {plan.directory}/mosquitto.conf /etc/mosquitto/conf.d/limen.conf
  sudo systemctl restart mosquitto

On each door: copy {plan.directory}/users/door-ID/ to `secrets` beside its config.yaml, and write there

mqtt:
  broker: {plan.hosts[0]}
  port: {plan.port}
  username: door-ID
  password_file: secrets/password
  tls: true
  ca_file: secrets/ca.crt{certificate}

Keep {plan.directory}/ca.key to yourself: whoever has it can pose as the broker."""
