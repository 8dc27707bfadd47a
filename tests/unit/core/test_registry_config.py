"""Places of credentials: what is read, and what is refused before anybody could be shown a secret."""

from __future__ import annotations

import pytest

from image_pinner.core.registry_config import (
    AllowedSecret,
    CredentialLocation,
    FileLocation,
    Place,
    SecretLocation,
    VariableLocation,
)

SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:registries/ghcr-AbCdEf"
PARAMETER = "arn:aws:ssm:eu-west-1:111122223333:parameter/registries/ghcr"


def place(text: str) -> Place:
    return CredentialLocation.parse(f"ghcr.io={text}").place


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
def test_what_is_no_place_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"Write registry=place|It is no ARN") as refused:
        place(text)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "ghcr.io", "user:hunter2", SECRET])
def test_an_entry_without_a_registry_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="Write registry=place") as refused:
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
def test_a_host_that_is_none_is_refused_and_not_repeated(
    kind: type[CredentialLocation | AllowedSecret], host: str
) -> None:
    with pytest.raises(ValueError, match="Write the registry as it stands in image references") as refused:
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
def test_what_is_no_arn_of_one_secret_is_refused(arn: str) -> None:
    with pytest.raises(ValueError, match="It is no ARN of a secret"):
        SecretLocation.of_arn(arn)


@pytest.mark.parametrize("region", ["evil", "eu-west-1-evil", "cn-north-1", "us-gov-west-1", "-", "eu-west-"])
def test_an_arn_whose_region_is_not_of_its_partition_is_refused(region: str) -> None:
    with pytest.raises(ValueError, match="region does not belong to its partition"):
        SecretLocation.of_arn(SECRET.replace("eu-west-1", region))


@pytest.mark.parametrize(
    "region", ["evil.example/", "eu-west-1.evil.example", "eu-west-1@evil", "eu-west-1#", "EU-west-1"]
)
def test_an_arn_cannot_make_a_host_of_its_region(region: str) -> None:
    with pytest.raises(ValueError, match="It is no ARN of a secret"):
        SecretLocation.of_arn(SECRET.replace("eu-west-1", region))


def test_the_parameters_that_lead_to_all_secrets_are_no_place_that_an_arn_can_name() -> None:
    with pytest.raises(ValueError, match="It is no ARN of a secret"):
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
def test_a_pattern_that_leaves_partition_or_service_open_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="Write registry=pattern"):
        AllowedSecret.parse(f"ghcr.io={pattern}")


@pytest.mark.parametrize(
    "registry",
    ["ghcr.io:443", "ghcr.io.", "sub.ghcr.io", "ghcr.io.evil.example", "evil.example", "GHCR.io", "", "docker.io"],
)
def test_a_secret_is_allowed_for_no_other_registry(registry: str) -> None:
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
def test_a_pattern_that_does_not_fit_does_not_allow(pattern: str) -> None:
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
def test_a_star_stands_for_any_text_without_a_colon_and_at_the_end_for_any(pattern: str) -> None:
    assert allows(pattern, SECRET)


def test_the_dots_and_pluses_of_a_pattern_stand_for_themselves() -> None:
    arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:a.b+c-AbCdEf"
    assert allows(arn, arn)
    assert not allows(arn, arn.replace("a.b+c", "axbbc"))


def test_a_pattern_of_many_stars_takes_no_longer_than_one() -> None:
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
def test_every_kind_of_place_is_read(text: str, expected: Place) -> None:
    assert place(text) == expected


@pytest.mark.parametrize(
    ("arn", "region"),
    [
        (SECRET.replace("arn:aws:", "arn:aws-cn:").replace("eu-west-1", "cn-north-1"), "cn-north-1"),
        (SECRET.replace("arn:aws:", "arn:aws-us-gov:").replace("eu-west-1", "us-gov-west-1"), "us-gov-west-1"),
        (SECRET.replace("arn:aws:", "arn:aws-eusc:").replace("eu-west-1", "eusc-de-east-1"), "eusc-de-east-1"),
        (SECRET.replace("arn:aws:", "arn:aws-iso-b:").replace("eu-west-1", "us-isob-east-1"), "us-isob-east-1"),
    ],
)
def test_the_secrets_of_other_partitions_are_read(arn: str, region: str) -> None:
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
def test_a_registry_has_one_name_whatever_is_written(host: str, canonical: str) -> None:
    assert CredentialLocation.parse(f"{host}={SECRET}").registry == canonical
    assert AllowedSecret.parse(f"{host}={SECRET}") == AllowedSecret(canonical, SECRET)


def test_places_are_told_to_people_by_kind_and_name() -> None:
    texts = (SECRET, "ssm:/ghcr", "env:GHCR", "file:/run/ghcr")
    assert [str(place(text)) for text in texts] == [
        f"the secret {SECRET}",
        "the parameter /ghcr",
        "the environment variable GHCR",
        "the file /run/ghcr",
    ]


def test_places_of_different_kinds_are_never_equal() -> None:
    assert len({VariableLocation("x"), FileLocation("x")}) == 2
