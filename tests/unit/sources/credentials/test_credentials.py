from __future__ import annotations

import pytest

from image_pinner.sources.credentials.interface import AnonymousCredentials, IdentityToken, NoCredential, Password
from image_pinner.sources.interface import Deadline
from image_pinner.sources.oci.auth import secrets_of


@pytest.mark.parametrize(
    "credential", [Password("some-user", "s3cret", "from here", "Do"), IdentityToken("s3cret", "from here", "Do")]
)
def test_a_credential_does_not_show_itself(credential: Password | IdentityToken) -> None:
    assert "s3cret" not in repr(credential)
    assert "some-user" not in repr(credential)
    assert "s3cret" in secrets_of(credential)


def test_anonymous_credentials_are_none_and_advise_another_way_than_a_login() -> None:
    found = AnonymousCredentials().for_registry("ghcr.io", Deadline.after(1))
    assert isinstance(found, NoCredential)
    assert found.source.startswith("no credential")
    assert "Copy the image from ghcr.io" in found.advice
    assert secrets_of(found) == ()


def test_a_password_is_encoded_as_utf_8() -> None:
    assert Password("Aladdin", "open sesame", "", "").basic() == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert Password("test", "123\u00a3", "", "").basic() == "Basic dGVzdDoxMjPCow=="
