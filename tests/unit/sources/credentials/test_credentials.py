from __future__ import annotations

import pytest

from image_pinner.sources.credentials.interface import AnonymousCredentials, IdentityToken, NoCredentials, Password
from image_pinner.sources.interface import Deadline


@pytest.mark.parametrize(
    "credentials", [Password("some-user", "s3cret", "from here", "Do"), IdentityToken("s3cret", "from here", "Do")]
)
def test_repr_hides_credentials(credentials: Password | IdentityToken) -> None:
    assert "s3cret" not in repr(credentials)
    assert "some-user" not in repr(credentials)


def test_anonymous_source_has_no_credentials_and_suggests_ecr() -> None:
    found = AnonymousCredentials().for_registry("ghcr.io", Deadline.after(1))
    assert isinstance(found, NoCredentials)
    assert found.source == "no credentials (registry requests are anonymous here)"
    assert "copy the image from ghcr.io" in found.help


def test_a_password_is_encoded_as_utf_8() -> None:
    assert Password("Aladdin", "open sesame", "", "").basic() == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert Password("test", "123\u00a3", "", "").basic() == "Basic dGVzdDoxMjPCow=="
