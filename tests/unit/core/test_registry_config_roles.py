from __future__ import annotations

import pytest

from image_pinner.core.registry_config import RegistryRole

ROLE = "arn:aws:iam::111122223333:role/path/reader"


@pytest.mark.parametrize(
    "text",
    [
        "",
        ROLE,
        f"11112222333={ROLE}",
        "111122223333=reader",
        "111122223333=arn:aws:iam::111122223333:user/reader",
        "111122223333=arn:aws:sts::111122223333:assumed-role/reader/x",
        f"111122223333={ROLE} one two",
        f"111122223333={ROLE} x",
    ],
)
def test_what_is_no_role_for_an_account_is_refused_and_the_form_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="Write account=arn:aws:iam"):
        RegistryRole.parse(text)


@pytest.mark.parametrize(
    ("text", "external_id"),
    [(f"111122223333={ROLE}", ""), (f" 111122223333={ROLE}  shop=eu,1 ", "shop=eu,1")],
)
def test_a_role_is_for_the_registries_of_one_account(text: str, external_id: str) -> None:
    assert RegistryRole.parse(text) == ("111122223333", ROLE, external_id)
