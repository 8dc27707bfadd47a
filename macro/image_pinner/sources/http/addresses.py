"""How near an address is: what a registry may name beside itself depends on it.

A registry can answer with another URL, as a redirect or as its token service. One that means harm names an address
that only we can reach, the metadata service of the machine above all, so that we ask in its place.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from enum import IntEnum

from image_pinner.core.errors import SourceError, cut

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Addresses that carry an IPv4 address in their last 32 bits: https://www.rfc-editor.org/rfc/rfc6052#section-2.1
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# The metadata, DNS and time services of EC2 over IPv6; they look like a private network of anybody's:
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
_EC2_SERVICES = ipaddress.IPv6Network("fd00:ec2::/32")


_SHOWN = 253  # characters of a host: https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4


class AddressScope(IntEnum):
    """How near an address is, from the internet at large to what only this machine can reach."""

    GLOBAL = 0
    PRIVATE = 1
    LOOPBACK = 2
    SPECIAL = 3
    """Link-local addresses, where cloud providers keep their metadata services, and those that are no host's."""


Resolve = Callable[[str], tuple[str, ...]]
"""Gives the addresses of a host name; raises `OSError` where there are none."""


def addresses_of(name: str) -> tuple[str, ...]:
    """Ask the system's resolver for the addresses of a host name."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return tuple(str(address[0]) for *_, address in found)


def scope_of_address(text: str) -> AddressScope:
    """Give the scope of an IP address.

    https://www.iana.org/assignments/iana-ipv4-special-registry and its sibling for IPv6 say which addresses are global.

    Args:
        text: The address as a socket shows it, with a zone where there is one.

    Returns:
        Its scope; that of the IPv4 address inside where it carries one; `SPECIAL` for what is no address.
    """
    try:
        address = _embedded(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return AddressScope.SPECIAL
    if address.is_loopback:
        return AddressScope.LOOPBACK
    if address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved:
        return AddressScope.SPECIAL
    if address.version == _EC2_SERVICES.version and address in _EC2_SERVICES:
        return AddressScope.SPECIAL
    return AddressScope.GLOBAL if address.is_global else AddressScope.PRIVATE


def scope_of_host(host: str, resolve: Resolve = addresses_of) -> AddressScope:
    """Give the nearest scope that a host's addresses have.

    Args:
        host: A name or an address; an IPv6 address in brackets.
        resolve: What knows the addresses of names.

    Returns:
        The nearest scope of all its addresses.

    Raises:
        SourceError: The name has no address.
    """
    bare = host.strip("[]")
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        pass
    else:
        return scope_of_address(bare)
    try:
        return max(scope_of_address(address) for address in resolve(bare))
    except (OSError, ValueError):
        raise unresolved(host) from None


def unresolved(host: str) -> SourceError:
    """Give the error for a host name that has no address."""
    return SourceError(
        f"the host name {cut(host, _SHOWN)} cannot be resolved",
        "Check the spelling of the registry, and that this network resolves its name",
    )


def forbidden_address(host: str) -> SourceError:
    """Give the error for a host that a registry must not send us to."""
    return SourceError(
        f"the registry sends us to {cut(host, _SHOWN)}, an address inside this network or machine",
        "Ask the registry's owner why; an image can be named by that host itself, and a token service has to be "
        "in the same network as its registry",
    )


def _embedded(address: _Address) -> _Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)
