"""Certificates that must not be trusted, for servers on loopback."""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from support.certificates import ServerCertificate, certificate_for, create_ca, write_certificate

_ADDRESS = "127.0.0.1"


def expired_certificate(directory: Path) -> ServerCertificate:
    """Make a certificate for loopback that expired an hour ago; configuring it as a CA file does not help."""
    now = dt.datetime.now(dt.UTC)
    return _self_signed(directory, now - dt.timedelta(days=90), now - dt.timedelta(hours=1))


def early_certificate(directory: Path) -> ServerCertificate:
    """Make a certificate for loopback that is valid from an hour from now."""
    now = dt.datetime.now(dt.UTC)
    return _self_signed(directory, now + dt.timedelta(hours=1), now + dt.timedelta(days=90))


def certificate_for_another(directory: Path) -> ServerCertificate:
    """Make a valid certificate for another host."""
    return certificate_for(directory, "registry.elsewhere.example")


def certificate_of_unknown_ca(directory: Path) -> ServerCertificate:
    """Make a certificate for loopback of a certificate authority that is not configured."""
    return create_ca(directory).issue(directory, _ADDRESS)


def _self_signed(directory: Path, begin: dt.datetime, end: dt.datetime) -> ServerCertificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _ADDRESS)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(_ADDRESS))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return write_certificate(directory, certificate, key)
