"""Certificates for servers on loopback, generated per test."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class ServerCertificate:
    """A certificate: the CA file for clients, and the context or the files for a server."""

    ca_file: Path
    context: ssl.SSLContext
    chain_file: Path
    key_file: Path


@dataclass(frozen=True)
class CertificateAuthority:
    """A certificate authority (CA)."""

    ca_file: Path
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def issue(self, directory: Path, *names: str) -> ServerCertificate:
        """Issue a certificate for host names and addresses, valid from an hour ago for a day."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _sign(_builder(names[0], key, self.certificate.subject, names), self.key)
        return write_certificate(directory, certificate, key, self.ca_file)


def create_ca(directory: Path) -> CertificateAuthority:
    """Create a CA. Its certificate is the only file of a new directory, from which Go programs can load it."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _sign(_builder("CA of a test", key, None, ()), key)
    ca_file = directory / "ca" / "ca.crt"
    ca_file.parent.mkdir()
    ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return CertificateAuthority(ca_file, certificate, key)


def certificate_for(directory: Path, *names: str) -> ServerCertificate:
    """Create a self-signed certificate for host names and addresses, valid from an hour ago for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _sign(_builder(names[0], key, None, names), key)
    return write_certificate(directory, certificate, key)


def _builder(
    common_name: str, key: ec.EllipticCurvePrivateKey, issuer: x509.Name | None, names: tuple[str, ...]
) -> x509.CertificateBuilder:
    """Return the unsigned certificate of a server, of a CA, or of a self-signed server, which is both."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    begin = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    alternatives = [_general_name(name) for name in names]
    return builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False) if names else builder


def _sign(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    return builder.sign(key, hashes.SHA256())


def write_certificate(
    directory: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, ca_file: Path | None = None
) -> ServerCertificate:
    """Write a certificate and its key, and return what a server needs; it is its own CA without `ca_file`."""
    chain_file, key_file = directory / "certificate.pem", directory / "key.pem"
    chain_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain_file, key_file)
    return ServerCertificate(ca_file or chain_file, context, chain_file, key_file)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
