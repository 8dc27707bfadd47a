from __future__ import annotations

import socket

import pytest

from image_pinner.core.errors import SourceError
from image_pinner.sources.http.addresses import AddressScope, scope_of_address, scope_of_host


@pytest.mark.parametrize(
    ("address", "scope"),
    [
        ("169.254.169.254", AddressScope.SPECIAL),
        ("169.254.170.2", AddressScope.SPECIAL),
        ("fe80::1%eth0", AddressScope.SPECIAL),
        ("fd00:ec2::254", AddressScope.SPECIAL),
        ("0.0.0.0", AddressScope.SPECIAL),
        ("::", AddressScope.SPECIAL),
        ("224.0.0.1", AddressScope.SPECIAL),
        ("no address", AddressScope.SPECIAL),
        ("::ffff:169.254.169.254", AddressScope.SPECIAL),
        ("64:ff9b::a9fe:a9fe", AddressScope.SPECIAL),
        ("2002:a9fe:a9fe::", AddressScope.SPECIAL),
        ("127.0.0.1", AddressScope.LOOPBACK),
        ("127.255.255.254", AddressScope.LOOPBACK),
        ("::1", AddressScope.LOOPBACK),
        ("::ffff:127.0.0.1", AddressScope.LOOPBACK),
        ("10.0.0.1", AddressScope.PRIVATE),
        ("172.31.255.255", AddressScope.PRIVATE),
        ("192.168.1.1", AddressScope.PRIVATE),
        ("100.64.0.1", AddressScope.PRIVATE),
        ("fd12:3456::1", AddressScope.PRIVATE),
        ("::ffff:10.1.2.3", AddressScope.PRIVATE),
        ("64:ff9b::a01:203", AddressScope.PRIVATE),
        ("fec0::1", AddressScope.PRIVATE),
        ("192.0.0.1", AddressScope.PRIVATE),
        ("198.18.0.1", AddressScope.PRIVATE),
        ("2002:a01:203::", AddressScope.PRIVATE),
        ("2001:db8::1", AddressScope.PRIVATE),
        ("2001:0:a9fe:a9fe::f5ff:fffe", AddressScope.PRIVATE),
        ("64:ff9b:1::a01:203", AddressScope.SPECIAL),
        ("::10.1.2.3", AddressScope.SPECIAL),
        ("::ffff:0:10.1.2.3", AddressScope.SPECIAL),
        ("4000::1", AddressScope.SPECIAL),
        ("255.255.255.255", AddressScope.SPECIAL),
        ("1.1.1.1", AddressScope.GLOBAL),
        ("2606:4700::1111", AddressScope.GLOBAL),
        ("64:ff9b::101:101", AddressScope.GLOBAL),
    ],
)
def test_each_address_has_its_scope(address: str, scope: AddressScope) -> None:
    assert scope_of_address(address) is scope


def test_a_name_that_resolves_to_nothing_is_refused() -> None:
    def nowhere(name: str) -> tuple[str, ...]:
        raise socket.gaierror(-2, name)

    with pytest.raises(SourceError, match=r"host name nowhere\.example cannot be resolved"):
        scope_of_host("nowhere.example", nowhere)


def test_a_name_has_the_highest_scope_of_its_addresses() -> None:
    assert scope_of_host("mixed.example", lambda _: ("1.1.1.1", "10.0.0.1")) is AddressScope.PRIVATE


@pytest.mark.parametrize("host", ["[::1]", "127.0.0.1"])
def test_an_address_is_not_resolved(host: str) -> None:
    def never(name: str) -> tuple[str, ...]:
        raise AssertionError(name)

    assert scope_of_host(host, never) is AddressScope.LOOPBACK


def test_short_forms_of_an_address_are_recognized() -> None:
    assert scope_of_host("127.1") is AddressScope.LOOPBACK
