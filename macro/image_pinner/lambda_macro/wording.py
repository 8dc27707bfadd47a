"""How users of the macro follow the help of core and sources."""

from __future__ import annotations

from image_pinner.core.advice import Advice, reword

_ROLE = "check the execution role of the function"

WORDING = {
    Advice.AWS_CREDENTIALS: _ROLE,
    Advice.AWS_SIGN_IN: f"retry; if it fails again, {_ROLE}",
    Advice.AWS_NETWORK: (
        "check that the region exists; a function in a VPC needs a NAT gateway or an interface endpoint for the service"
    ),
    Advice.S3_NETWORK: "check that the function reaches S3: in a VPC it needs an endpoint for S3 or a NAT gateway",
}


def help_for_macro(help: str) -> str:
    """Return a help in the words of the macro."""
    return reword(help, WORDING)
