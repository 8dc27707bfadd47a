"""Signatures as distribution's library libtrust makes and checks them: of manifests of schema 1, and of tokens.

https://github.com/distribution/distribution/blob/v2.8.2/docs/spec/manifest-v2-1.md#signed-manifests
https://github.com/distribution/distribution/blob/v2.8.2/docs/spec/auth/jwt.md
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

_COORDINATE = 32  # bytes of a number on the curve P-256


@dataclass(frozen=True)
class SigningKey:
    """A key for ES256."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @cached_property
    def key_id(self) -> str:
        """Return libtrust's name for the key: the first 240 bits of its hash, in base 32, by fours."""
        public = self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return ":".join(re.findall("....", base64.b32encode(hashlib.sha256(public).digest()[:30]).decode()))

    def token(self, claims: Mapping[str, Any]) -> str:
        """Return a token for a registry that knows the key by its certificate."""
        header = {"typ": "JWT", "alg": "ES256", "kid": self.key_id}
        signed = f"{_text(_json(header))}.{_text(_json(claims))}"
        return f"{signed}.{self._signature(signed)}"

    def schema1(self, manifest: Mapping[str, Any]) -> bytes:
        """Return a manifest of schema 1 with its signature inside."""
        payload = json.dumps(manifest, indent=3).encode()
        end = b"\n}"
        assert payload.endswith(end)
        length = len(payload) - len(end)
        protected = _text(_json({"formatLength": length, "formatTail": _text(end), "time": "2026-01-02T03:04:05Z"}))
        signature = {
            "header": {"jwk": self._public(), "alg": "ES256"},
            "signature": self._signature(f"{protected}.{_text(payload)}"),
            "protected": protected,
        }
        return payload[:length] + b',\n   "signatures": ' + _json([signature]) + end

    def _public(self) -> dict[str, str]:
        point = self.key.public_key().public_numbers()
        return {
            "crv": "P-256",
            "kid": self.key_id,
            "kty": "EC",
            "x": _text(point.x.to_bytes(_COORDINATE, "big")),
            "y": _text(point.y.to_bytes(_COORDINATE, "big")),
        }

    def _signature(self, signed: str) -> str:
        numbers = decode_dss_signature(self.key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return _text(b"".join(number.to_bytes(_COORDINATE, "big") for number in numbers))


def _json(document: Any) -> bytes:
    return json.dumps(document).encode()


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
