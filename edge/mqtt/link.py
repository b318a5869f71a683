"""One connection to a broker that keeps itself up: MQTT 5, or 3.1.1 where the broker knows no better.

A thread of its own connects, reads and reconnects. It decodes and enqueues, and nothing else; the owner's calls only
append to paho's queue, so they never wait for the network. Each connection is a fresh paho client and a fresh broker
session, so that nothing said before an outage is repeated after it: what must arrive is kept by the outbox.
"""

from __future__ import annotations

import logging
import queue
import random
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.clock import Clock, lead
from edge.mqtt.commands import MAX_BYTES, Incoming
from edge.mqtt.credentials import Login
from edge.mqtt.messages import OFFLINE
from edge.mqtt.topics import Topics
from edge.mqtt.wire import connect_properties, incoming_of, publish_properties, tls_context, why_silent, why_unreachable

_log = logging.getLogger(__name__)

SETTLING_SECONDS: Final = 2.0
_KEEPALIVE_SECONDS: Final = 10
_CONNECT_SECONDS: Final = 5.0
_FAREWELL_SECONDS: Final = 2.0
_SHORTEST_WAIT: Final = 1.0
_LONGEST_WAIT: Final = 60.0
_LOOK_SECONDS: Final = 1.0  # how often somebody who waits looks whether the clock was set
_SET_SECONDS: Final = 5.0  # a clock that moved by more was set
_MOST_UNSENT: Final = 64
# A fresh client counts its message ids from 1 again: the connection's number in front makes a ticket unique.
_IDS_PER_CONNECTION: Final = 1 << 16
_V5: Final = MQTTProtocolVersion.MQTTv5
_PROTOCOLS: Final = (_V5, MQTTProtocolVersion.MQTTv311)


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a connection is for.

    `commands`: what arrives makes the door act. Then nothing retained is asked for, payloads are cut off just above
    the size of a command, and under MQTT 3.1.1, where old and new look the same, the first two seconds after
    subscribing are ignored. `will`: topic of the retained `offline`. `client_id` is stable for a door: its new
    connection then ends a half-open older one at once, and not, with an `offline` out of turn, at its keepalive.
    `optional`: more to subscribe to; a broker that refuses these is good enough.
    """

    client_id: str
    subscriptions: tuple[str, ...]
    optional: tuple[str, ...] = ()
    commands: bool = False
    will: str | None = None
    largest_packet: int = 1 << 20
    most_unread: int = 64

    @classmethod
    def of_door(cls, topics: Topics, *, optional: tuple[str, ...] = ()) -> Wiring:
        client_id = f"limen-{topics.root.replace('/', '-')}"
        will = topics.availability
        filters = (topics.requests, topics.lock_set)
        return cls(client_id, filters, optional, commands=True, will=will, largest_packet=1 << 16)


class Link:
    """Use as a context manager. Nothing here raises or waits, except leaving, which waits a few seconds at most.

    `inbox` holds what arrived; when it is full, more is dropped and counted in `dropped`. `generation` counts the
    connects: whoever owns retained state publishes all of it again when it changes. `problem` is what stands in the
    way of the connection or of a message, in words; empty when nothing does.
    """

    def __init__(self, login: Login, wiring: Wiring, clock: Clock) -> None:
        self.inbox: queue.Queue[Incoming] = queue.Queue(wiring.most_unread)
        self.dropped = 0
        self.generation = 0
        self.problem = ""
        self._login, self._wiring, self._clock = login, wiring, clock
        self._acknowledged: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._live: Client | None = None
        self._understood = False
        self._deaf_until = 0.0
        self._settled = threading.Event()
        self._stopping = threading.Event()
        self._leaving = threading.Lock()
        self._thread = threading.Thread(target=self._stay_connected, name=wiring.client_id, daemon=True)

    @property
    def connected(self) -> bool:
        """Connected and subscribed."""
        return self._live is not None

    def wait(self, seconds: float) -> bool:
        """Wait until connected, or until it is known for the first time why not; returns `connected`."""
        self._settled.wait(seconds)
        return self.connected

    def publish(
        self, topic: str, payload: bytes, *, retain: bool = False, correlation: bytes | None = None
    ) -> int | None:
        """Hand over with QoS 1; returns the ticket that `acknowledged` will name, None when it cannot be sent now."""
        # In this order: a connection that ends in between gives a ticket that is never named, not somebody else's.
        client, generation = self._live, self.generation
        if client is None:
            return None
        properties = publish_properties(correlation) if correlation and client.protocol == _V5 else None
        sent = client.publish(topic, payload, qos=1, retain=retain, properties=properties)
        if sent.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            return None
        return generation * _IDS_PER_CONNECTION + sent.mid

    def acknowledged(self) -> tuple[int, ...]:
        """The tickets whose messages the broker took since the last call."""
        return tuple(self._acknowledged.get_nowait() for _ in range(self._acknowledged.qsize()))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say `offline`, wait until the broker has it, and disconnect."""
        with self._leaving:
            self._stopping.set()
            client = self._live
        if client is not None:
            if self._wiring.will is not None:
                farewell = client.publish(self._wiring.will, OFFLINE, qos=1, retain=True)
                if farewell.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
                    farewell.wait_for_publish(_FAREWELL_SECONDS)
            client.disconnect()
        self._thread.join(_CONNECT_SECONDS + _FAREWELL_SECONDS)

    # From here on everything runs in the link's own thread.

    def _stay_connected(self) -> None:
        wait = _SHORTEST_WAIT
        while not self._stopping.is_set():
            before = self.generation
            if not any(self._serve(protocol) for protocol in _PROTOCOLS):
                self._report(why_silent(self._login))
            if self.generation != before:
                wait = _SHORTEST_WAIT
            # Jitter: after a power cut not every door of a house comes back in the same instant.
            clock_set = self._pause(min(_LONGEST_WAIT, wait * random.uniform(1.0, 1.5)))  # noqa: S311 - no secret
            wait = _SHORTEST_WAIT if clock_set else min(_LONGEST_WAIT, 2 * wait)

    def _pause(self, seconds: float) -> bool:
        """Wait, but no longer than until the clock is set: a certificate that was not valid yet may be valid then."""
        before = lead(self._clock)
        while seconds > 0 and not self._stopping.wait(min(_LOOK_SECONDS, seconds)):
            if abs(lead(self._clock) - before) > _SET_SECONDS:
                return True
            seconds -= _LOOK_SECONDS
        return False

    def _serve(self, protocol: MQTTProtocolVersion) -> bool:
        """One connection from its beginning to its end. False: a broker is there and does not speak `protocol`."""
        self._understood = False
        try:
            client = self._fresh_client(protocol)
            properties = connect_properties(self._wiring.largest_packet) if protocol == _V5 else None
            client.connect(self._login.host, self._login.port, _KEEPALIVE_SECONDS, properties=properties)
            while client.loop(0.5) == MQTTErrorCode.MQTT_ERR_SUCCESS:
                if self._stopping.is_set() and self._live is None:
                    break
        except OSError as error:
            self._report(why_unreachable(error, self._login, clock_trusted=self._clock.trusted()))
            return True
        # The MQTT boundary: whatever a broker's bytes do to the library is a lost connection, and never the end of the
        # thread that has to make the next one.
        except Exception as error:  # noqa: BLE001
            self._report(f"the connection to the broker broke: {error!r}")
        finally:
            self._live = None
        return self._understood or self._stopping.is_set()

    def _fresh_client(self, protocol: MQTTProtocolVersion) -> Client:
        login, wiring = self._login, self._wiring
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=wiring.client_id,
            clean_session=None if protocol == _V5 else True,
            protocol=protocol,
            reconnect_on_failure=False,
        )
        client.connect_timeout = _CONNECT_SECONDS
        client.max_queued_messages_set(_MOST_UNSENT)
        if login.username:
            client.username_pw_set(login.username, login.password)
        if login.tls:
            client.tls_set_context(tls_context(login))
        if wiring.will is not None:
            client.will_set(wiring.will, OFFLINE, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect
        # With this set paho leaves all writing to the loop, whoever publishes.
        client.on_socket_register_write = _nothing_to_do
        return client

    def _on_connect(
        self, client: Client, _data: Any, _flags: ConnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        self._understood = reason != "Unsupported protocol version"
        if not self._understood:
            return
        if reason.is_failure:
            self._report(f"the broker refused the login ({reason}): check mqtt.username and its password")
            return
        filters = self._wiring.subscriptions + self._wiring.optional
        if client.protocol == _V5:
            handling = SubscribeOptions.RETAIN_DO_NOT_SEND if self._wiring.commands else 0
            options = SubscribeOptions(qos=1, retainAsPublished=True, retainHandling=handling)
            client.subscribe([(name, options) for name in filters])
        else:
            client.subscribe([(name, 1) for name in filters])

    def _on_subscribe(
        self, client: Client, _data: Any, _mid: int, reasons: list[ReasonCode], _properties: Properties | None
    ) -> None:
        if any(reason.is_failure for reason in reasons[: len(self._wiring.subscriptions)]):
            self._report(
                "the broker refused the subscription: its access list must let this user read the door's topics"
            )
            return
        if self._wiring.commands and client.protocol != _V5:
            self._deaf_until = self._clock.now() + SETTLING_SECONDS
        with self._leaving:
            if self._stopping.is_set():
                return
            self.problem = ""
            self.generation += 1
            self._live = client
        self._settled.set()

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        now = self._clock.now()
        if now < self._deaf_until:
            return
        longest = MAX_BYTES + 1 if self._wiring.commands else None
        try:
            self.inbox.put_nowait(incoming_of(message, now, longest))
        except queue.Full:
            self.dropped += 1

    def _on_publish(
        self, _client: Client, _data: Any, mid: int, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self._report(f"the broker refused a message ({reason}): its access list must let this user write it")
        else:
            self._acknowledged.put(self.generation * _IDS_PER_CONNECTION + mid)

    def _on_disconnect(
        self, _client: Client, _data: Any, _flags: DisconnectFlags, reason: ReasonCode, _properties: Properties | None
    ) -> None:
        if self._live is not None and not self._stopping.is_set():
            self._report(f"the connection to the broker was lost ({reason})")
        self._live = None

    def _report(self, problem: str) -> None:
        if problem != self.problem:
            _log.warning("%s", problem)
        self.problem = problem
        self._settled.set()


def _nothing_to_do(_client: Client, _data: Any, _socket: object) -> None:
    pass
