"""Locations of credentials, secrets that templates may use, and roles; invalid entries never reach a message."""

from __future__ import annotations

import pytest

from image_pinner.core.registry_config import (
    AllowedSecret,
    CredentialLocation,
    FileLocation,
    Location,
    RegistryRole,
    SecretLocation,
    VariableLocation,
)

SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:registries/ghcr-AbCdEf"
PARAMETER = "arn:aws:ssm:eu-west-1:111122223333:parameter/registries/ghcr"
ROLE = "arn:aws:iam::111122223333:role/path/reader"


def location(text: str) -> Location:
    return CredentialLocation.parse(f"ghcr.io={text}").location


def allows(pattern: str, arn: str) -> bool:
    return AllowedSecret.parse(f"ghcr.io={pattern}").allows("ghcr.io", SecretLocation.of_arn(arn))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hunter2",
        "user:hunter2",
        "ssm:",
        "ssm:hunter2/in/the/middle",
        "ssm:/a//b",
        "ssm:/a b",
        "ssm:/" + "a" * 3000,
        "env:",
        "env:2PAC",
        "env:hunter2-",
        "env:A=B",
        "file:",
        "file:relative/hunter2",
        "file:/a\x00b",
        "file:/a\nb",
        "vault:/hunter2",
        "arn:aws:s3:::bucket/hunter2",
        "ARN:aws:ssm:eu-west-1:111122223333:parameter/hunter2",
    ],
)
def test_invalid_location_is_rejected_and_not_in_the_message(text: str) -> None:
    with pytest.raises(ValueError, match=r"write registry=location|is not the ARN") as refused:
        location(text)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "ghcr.io", "user:hunter2", SECRET])
def test_entry_without_a_registry_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="write registry=location") as refused:
        CredentialLocation.parse(text)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "*",
        "*.example",
        "ghcr",
        "ghcr.io/team",
        "https://ghcr.io",
        "ghcr.io:",
        "ghcr.io:https",
        "user@ghcr.io",
        "ghcr.io,quay.io",
        "bob:hunter2",
        "[::1",
        "::1",
        "ghcr .io",
    ],
)
@pytest.mark.parametrize("kind", [CredentialLocation, AllowedSecret])
def test_invalid_host_is_rejected_and_not_in_the_message(
    kind: type[CredentialLocation | AllowedSecret], host: str
) -> None:
    with pytest.raises(ValueError, match="write the registry as in image references") as refused:
        kind.parse(f"{host}={SECRET}")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "*",
        "arn:aws:secretsmanager:*",
        SECRET.replace("eu-west-1", ""),
        SECRET.replace("eu-west-1", "*"),
        SECRET.replace("111122223333", ""),
        SECRET.replace("secretsmanager", "s3"),
        SECRET.replace(":secret:", ":secret/"),
        SECRET + ":password::",
        SECRET + "\n",
        " " + SECRET,
        "arn:aws:secretsmanager:eu-west-1:111122223333:secret:",
        PARAMETER + "/",
        PARAMETER + ":",
        PARAMETER.replace("/registries", "registries"),
        "arn:aws:ssm:eu-west-1:111122223333:document/x",
        "arn:aws:ssm:eu-west-1:111122223333:parameter/" + "a" * 2048,
        "arn:aws:ssm:eu-west-1:111122223333:parameter",
    ],
)
def test_text_that_is_not_the_arn_of_one_secret_is_rejected(arn: str) -> None:
    with pytest.raises(ValueError, match="is not the ARN of a Secrets Manager secret"):
        SecretLocation.of_arn(arn)


@pytest.mark.parametrize("region", ["evil", "eu-west-1-evil", "cn-north-1", "us-gov-west-1", "-", "eu-west-"])
def test_arn_with_a_region_of_another_partition_is_rejected(region: str) -> None:
    with pytest.raises(ValueError, match="region of the ARN is not in its partition"):
        SecretLocation.of_arn(SECRET.replace("eu-west-1", region))


@pytest.mark.parametrize(
    "region", ["evil.example/", "eu-west-1.evil.example", "eu-west-1@evil", "eu-west-1#", "EU-west-1"]
)
def test_arn_with_a_host_as_region_is_rejected(region: str) -> None:
    with pytest.raises(ValueError, match="is not the ARN of a Secrets Manager secret"):
        SecretLocation.of_arn(SECRET.replace("eu-west-1", region))


def test_parameter_that_leads_to_every_secret_is_rejected() -> None:
    with pytest.raises(ValueError, match="is not the ARN of a Secrets Manager secret"):
        SecretLocation.of_arn("arn:aws:ssm:eu-west-1:111122223333:parameter/aws/reference/secretsmanager/prod")


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "*",
        "**",
        "arn:*",
        "arn:aws:*",
        "arn:*:secretsmanager:*",
        "arn:aws:*:eu-west-1:111122223333:secret:x",
        "arn:aws:secretsmanager*",
        "arn:aws:secretsmanager:",
        "arn:aws:s3:*",
        "arn:aws:s*:*",
        "arn:aws:secretsmanager:eu-west-?:*",
        "arn:aws:secretsmanager:[a-z]*",
        "arn:aws:secretsmanager:a b",
        "secret:*",
        "arn:aws:ssm:" + "*" * 2048,
    ],
)
def test_pattern_with_a_wildcard_for_partition_or_service_is_rejected(pattern: str) -> None:
    with pytest.raises(ValueError, match="write registry=pattern"):
        AllowedSecret.parse(f"ghcr.io={pattern}")


@pytest.mark.parametrize(
    "registry",
    ["ghcr.io:443", "ghcr.io.", "sub.ghcr.io", "ghcr.io.evil.example", "evil.example", "GHCR.io", "", "docker.io"],
)
def test_secret_is_not_allowed_for_another_registry(registry: str) -> None:
    allowed = AllowedSecret.parse("ghcr.io=arn:aws:secretsmanager:*")
    assert not allowed.allows(registry, SecretLocation.of_arn(SECRET))


@pytest.mark.parametrize(
    "pattern",
    [
        SECRET + "x",
        SECRET[:-1],
        "arn:aws:secretsmanager:eu-west-1:111122223333:secret:other-*",
        "arn:aws:secretsmanager:eu-west-1:444455556666:secret:*",
        "arn:aws:secretsmanager:us-*:111122223333:secret:*",
        "arn:aws:secretsmanager:*:secret:registries/ghcr-AbCdEf",
        "arn:aws:secretsmanager:*ghcr-AbCdEf",
        "arn:aws:secretsmanager:*:*:secret:ghcr*",
        "arn:aws:ssm:*",
        "arn:aws-cn:secretsmanager:*",
        "arn:aws:secretsmanager:eu.west.1:111122223333:secret:*",
    ],
)
def test_pattern_that_does_not_match_does_not_allow(pattern: str) -> None:
    assert not allows(pattern, SECRET)


@pytest.mark.parametrize(
    "pattern",
    [
        SECRET,
        "arn:aws:secretsmanager:*",
        "arn:aws:secretsmanager:eu-west-1:111122223333:secret:registries/*",
        "arn:aws:secretsmanager:*:111122223333:secret:registries/*",
        "arn:aws:secretsmanager:*:*:*:*",
        "arn:aws:secretsmanager:eu-*-1:1111*3333:secret:*ghcr-AbCdEf",
        "arn:aws:secretsmanager:eu-west-1:111122223333:secret:*g*c*-*",
        "arn:aws:secretsmanager:eu-west-1:111122223333:sec**ret:registries/ghcr-AbCdEf**",
    ],
)
def test_wildcard_matches_text_without_colons_and_at_the_end_any_text(pattern: str) -> None:
    assert allows(pattern, SECRET)


def test_dots_and_pluses_in_a_pattern_are_literal() -> None:
    arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:a.b+c-AbCdEf"
    assert allows(arn, arn)
    assert not allows(arn, arn.replace("a.b+c", "axbbc"))


def test_pattern_with_many_wildcards_matches_in_linear_time() -> None:
    pattern = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:" + "*a" * 200 + "*b"
    assert not allows(pattern, "arn:aws:secretsmanager:eu-west-1:111122223333:secret:" + "a" * 500)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SECRET, SecretLocation("secretsmanager", SECRET, "eu-west-1")),
        (PARAMETER, SecretLocation("ssm", PARAMETER, "eu-west-1")),
        (PARAMETER + ":3", SecretLocation("ssm", PARAMETER + ":3", "eu-west-1")),
        ("ssm:/registries/ghcr", SecretLocation("ssm", "/registries/ghcr")),
        ("ssm:ghcr", SecretLocation("ssm", "ghcr")),
        ("ssm:/registries/ghcr:prod", SecretLocation("ssm", "/registries/ghcr:prod")),
        ("env:GHCR_LOGIN", VariableLocation("GHCR_LOGIN")),
        ("file:/run/secrets/ghcr login=1", FileLocation("/run/secrets/ghcr login=1")),
    ],
)
def test_parses_every_kind_of_location(text: str, expected: Location) -> None:
    assert location(text) == expected


@pytest.mark.parametrize(
    ("arn", "region"),
    [
        (SECRET.replace("arn:aws:", "arn:aws-cn:").replace("eu-west-1", "cn-north-1"), "cn-north-1"),
        (SECRET.replace("arn:aws:", "arn:aws-us-gov:").replace("eu-west-1", "us-gov-west-1"), "us-gov-west-1"),
        (SECRET.replace("arn:aws:", "arn:aws-eusc:").replace("eu-west-1", "eusc-de-east-1"), "eusc-de-east-1"),
        (SECRET.replace("arn:aws:", "arn:aws-iso-b:").replace("eu-west-1", "us-isob-east-1"), "us-isob-east-1"),
    ],
)
def test_parses_arns_of_every_partition(arn: str, region: str) -> None:
    assert SecretLocation.of_arn(arn) == SecretLocation("secretsmanager", arn, region)


@pytest.mark.parametrize(
    ("host", "canonical"),
    [
        ("ghcr.io", "ghcr.io"),
        ("GHCR.io", "ghcr.io"),
        ("localhost", "localhost"),
        ("localhost:5000", "localhost:5000"),
        ("registry:5000", "registry:5000"),
        ("[::1]:5000", "[::1]:5000"),
        ("[2001:DB8::1]", "[2001:db8::1]"),
        ("10.0.0.1:443", "10.0.0.1:443"),
        ("docker.io", "docker.io"),
        ("index.docker.io", "docker.io"),
        ("registry-1.docker.io", "docker.io"),
        (" ghcr.io ", "ghcr.io"),
    ],
)
def test_registry_is_stored_by_its_canonical_name(host: str, canonical: str) -> None:
    assert CredentialLocation.parse(f"{host}={SECRET}").registry == canonical
    assert AllowedSecret.parse(f"{host}={SECRET}") == AllowedSecret(canonical, SECRET)


def test_locations_are_described_by_kind_and_name() -> None:
    texts = (SECRET, "ssm:/ghcr", "env:GHCR", "file:/run/ghcr")
    assert [str(location(text)) for text in texts] == [
        f"the secret {SECRET}",
        "the parameter /ghcr",
        "the environment variable GHCR",
        "the file /run/ghcr",
    ]


def test_locations_of_different_kinds_are_not_equal() -> None:
    assert len({VariableLocation("x"), FileLocation("x")}) == 2


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
def test_invalid_role_is_rejected_with_the_right_form(text: str) -> None:
    with pytest.raises(ValueError, match="write account=arn:aws:iam"):
        RegistryRole.parse(text)


@pytest.mark.parametrize(
    ("text", "external_id"),
    [(f"111122223333={ROLE}", ""), (f" 111122223333={ROLE}  shop=eu,1 ", "shop=eu,1")],
)
def test_parses_a_role_with_and_without_external_id(text: str, external_id: str) -> None:
    assert RegistryRole.parse(text) == RegistryRole("111122223333", ROLE, external_id)
