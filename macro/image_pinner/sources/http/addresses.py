"""Classify addresses by how close they are to this machine, to limit where a registry may send us.

A registry can answer with another URL: a redirect or the realm of its token service. A hostile one names an address
that only we can reach, such as the instance metadata service, so that we send the request in its stead.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from enum import IntEnum

from image_pinner.core.errors import SourceError, cut

MAX_HOST_LENGTH = 253
"""Characters of a host name: https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4"""

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Addresses with an IPv4 address in their last 32 bits: https://www.rfc-editor.org/rfc/rfc6052#section-2.1
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# All other addresses of IPv6 are local or not assigned, such as fec0::/10 and the local 64:ff9b:1::/48:
# https://www.iana.org/assignments/ipv6-address-space
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_IPV4 = 4
# The metadata, DNS and time services of EC2 over IPv6, which otherwise look like an ordinary private network:
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
_EC2_SERVICES = ipaddress.IPv6Network("fd00:ec2::/32")


class AddressScope(IntEnum):
    """How close an address is: a higher value is reachable from fewer machines."""

    GLOBAL = 0
    PRIVATE = 1
    LOOPBACK = 2
    SPECIAL = 3
    """Link-local addresses, where cloud providers have their metadata services, and addresses that no host has."""


Resolve = Callable[[str], tuple[str, ...]]
"""Returns the addresses of a host name; raises `OSError` if there are none."""


def addresses_of(name: str) -> tuple[str, ...]:
    """Resolve a host name with the resolver of the system."""
    found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return tuple(str(address[0]) for *_, address in found)


def scope_of_address(text: str) -> AddressScope:
    """Return the scope of an IP address as a socket prints it, or `SPECIAL` for anything else.

    An IPv6 address that embeds an IPv4 address has the scope of the latter. Global addresses are listed at
    https://www.iana.org/assignments/iana-ipv4-special-registry and its counterpart for IPv6.
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
    is_global = address.is_global and (address.version == _IPV4 or address in _GLOBAL_UNICAST)
    return AddressScope.GLOBAL if is_global else AddressScope.PRIVATE


def scope_of_host(host: str, resolve: Resolve = addresses_of) -> AddressScope:
    """Return the highest scope among the addresses of `host`, a name or an address (IPv6 in brackets).

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
        raise unresolved_host(host) from None


def unresolved_host(host: str) -> SourceError:
    """Return the error for a host name that has no address."""
    return SourceError(
        f"host name {cut(host, MAX_HOST_LENGTH)} cannot be resolved",
        "check the spelling of the registry and that this network resolves its name",
    )


def forbidden_address(host: str) -> SourceError:
    """Return the error for a host that a registry must not refer to."""
    return SourceError(
        f"the registry refers to {cut(host, MAX_HOST_LENGTH)}, an address inside this network or machine",
        "contact the registry owner; to pull from that host, write it in the image reference, and to use it as a "
        "token service, run it in the network of its registry",
    )


def _embedded(address: _Address) -> _Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)
