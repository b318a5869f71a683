"""Between paho's types and ours."""

from __future__ import annotations

import socket
import ssl
from typing import Final

from paho.mqtt.client import MQTTMessage
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.mqtt.commands import Incoming
from edge.mqtt.credentials import Login

_NOT_OURS: Final = "; is mqtt.ca_file the authority that signed it?"
_NOT_THIS_NAME: Final = "; mqtt.broker must be a name that stands in it"
_NO_TIME: Final = "; this machine's clock is not set yet: once it is, the connection is tried at once"
# By OpenSSL's number of what is wrong.
_NOT_YET: Final = 9
_EXPIRED: Final = 10
_TLS_CURES: Final = {
    _NOT_YET: "; is this machine's clock right?",
    _EXPIRED: "; renew it, or is this machine's clock wrong?",
    18: _NOT_OURS,
    19: _NOT_OURS,
    20: _NOT_OURS,
    62: _NOT_THIS_NAME,
    64: _NOT_THIS_NAME,
}


def connect_properties(largest_packet: int) -> Properties:
    """Nothing outlives the connection, and the broker sends nothing larger than `largest_packet` bytes."""
    properties = _properties(PacketTypes.CONNECT)
    properties.SessionExpiryInterval = 0
    properties.MaximumPacketSize = largest_packet
    return properties


def publish_properties(correlation: bytes) -> Properties:
    properties = _properties(PacketTypes.PUBLISH)
    properties.CorrelationData = correlation
    return properties


def incoming_of(message: MQTTMessage, at: float, longest: int | None) -> Incoming:
    """A received message, its payload cut off after `longest` bytes. Under MQTT 3.1.1 there are no properties."""
    properties = message.properties
    return Incoming(
        topic=message.topic,
        payload=bytes(message.payload[:longest]),
        at=at,
        retain=message.retain,
        expiry=getattr(properties, "MessageExpiryInterval", None),
        reply_topic=getattr(properties, "ResponseTopic", None),
        correlation=getattr(properties, "CorrelationData", None),
    )


class _TlsSocket(ssl.SSLSocket):
    """Closes itself when the other side is not who it should be; paho would leave it open."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - the base class's signature
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def tls_context(login: Login) -> ssl.SSLContext:
    """Checks the certificate and the name in it, always. No `ca_file`: the system's own authorities."""
    context = ssl.create_default_context(cafile=login.ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = _TlsSocket
    if login.client_certificate:
        context.load_cert_chain(login.client_certificate, login.client_key)
    return context


def why_silent(login: Login) -> str:
    """Why a broker that can be reached hangs up at the first word."""
    where = f"{login.host}:{login.port}"
    if login.tls:
        return f"{where} hangs up after the TLS handshake: it may want mqtt.client_certificate, or another one"
    return f"no MQTT is spoken at {where}, or only over TLS"


def why_unreachable(error: OSError, login: Login, *, clock_trusted: bool) -> str:
    """Why no connection came about."""
    where = f"{login.host}:{login.port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        cure = _TLS_CURES.get(error.verify_code, "")
        if error.verify_code in {_NOT_YET, _EXPIRED} and not clock_trusted:
            cure = _NO_TIME
        return f"the certificate of {where} is not accepted: {error.verify_message or error.reason}{cure}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS with {where}: {error.reason or error}"
    if isinstance(error, socket.gaierror):
        return f"the broker's name {login.host!r} is not known"
    if isinstance(error, ConnectionRefusedError):
        return f"no broker listens on {where}"
    if isinstance(error, TimeoutError):
        return f"{where} does not answer"
    named = f" ({error.filename})" if error.filename else ""
    return f"no {'TLS with' if login.tls else 'connection to'} {where}: {error.strerror or error}{named}"


def _properties(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]
