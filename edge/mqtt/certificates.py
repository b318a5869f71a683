"""Certificates for a broker of one's own: an authority on an elliptic curve, and what it signs.

They pass the strict checks of newer Pythons: basic constraints, key usage and key identifiers are all there.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge.errors import ConfigError

AUTHORITY_DAYS: Final = 20 * 365
LEAF_DAYS: Final = 5 * 365
# A Raspberry Pi without a clock battery starts in the past.
_BACKDATED: Final = timedelta(days=2)
_USAGES: Final = {"server": ExtendedKeyUsageOID.SERVER_AUTH, "client": ExtendedKeyUsageOID.CLIENT_AUTH}


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, PEM."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True)
class CertificateAuthority:
    """What signs the others."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def new(cls, name: str, now: datetime) -> Self:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(name)
        unsigned = (
            _unsigned(subject, subject, key, now, now + timedelta(days=AUTHORITY_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(authority=True), critical=True)
        )
        return cls(unsigned.sign(key, hashes.SHA256()), key)

    @classmethod
    def of(cls, pair: Pair) -> Self:
        """Read one back. Raises ConfigError when it is none."""
        try:
            key = serialization.load_pem_private_key(pair.key, password=None)
            certificate = x509.load_pem_x509_certificate(pair.certificate)
        except (ValueError, TypeError) as error:
            raise ConfigError(f"ca.crt, ca.key: not a certificate authority ({error})") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise ConfigError("ca.crt, ca.key: do not belong together")
        return cls(certificate, key)

    @property
    def pair(self) -> Pair:
        return _pair(self.certificate, self.key)

    def sign(
        self,
        name: str,
        usage: Literal["server", "client"],
        now: datetime,
        hosts: Sequence[str] = (),
        *,
        days: int = LEAF_DAYS,
    ) -> Pair:
        """A certificate for `name`, good for `hosts` (names or addresses) if it is a server's."""
        key = ec.generate_private_key(ec.SECP256R1())
        end = min(now + timedelta(days=days), self.certificate.not_valid_after_utc)
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        unsigned = (
            _unsigned(_name(name), self.certificate.subject, key, now, end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([_USAGES[usage]]), critical=False)
            .add_extension(signer, critical=False)
        )
        if hosts:
            unsigned = unsigned.add_extension(x509.SubjectAlternativeName(map(_host, hosts)), critical=False)
        return _pair(unsigned.sign(self.key, hashes.SHA256()), key)


def _unsigned(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, end: datetime
) -> x509.CertificateBuilder:
    start = min(now, end) - _BACKDATED
    builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number(), start, end)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    encoded = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Pair(certificate.public_bytes(serialization.Encoding.PEM), encoded)
