from __future__ import annotations

import time

import pytest

from image_pinner.core.errors import InvalidReferenceError
from image_pinner.core.images.references import Digest, ImageReference
from support.images import HEX

DIGEST = f"sha256:{HEX}"
ECR = "111122223333.dkr.ecr.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("text", "rule", "position"),
    [
        ("", "it is empty", 0),
        (" nginx:1", "it contains white space", 0),
        ("nginx:1 ", "it contains white space", 7),
        ("nginx: 1", "it contains white space", 6),
        ("nginx:1\n", "it contains white space", 7),
        ("ngi\tnx", "it contains white space", 3),
        ("nginx\u00a0:1", "it contains white space", 5),
        ("nginx\u200b:1", "it contains white space", 5),
        ("nginx\x00", "it contains white space", 5),
        ("docker://nginx:1", "it is a URL", 0),
        ("https://registry.example.com/app:1", "it is a URL", 0),
        ("oci-archive+x://app", "it is a URL", 0),
        (DIGEST, "it is a digest without a repository", 0),
        (HEX, "64 hexadecimal digits are an image ID", 0),
        ("sha256:a/b", "it is a digest without a repository", 0),
        ("nginx:${Tag}", "'$' is not allowed in a reference", 6),
        ("nginx:{{tag}}", "'{' is not allowed in a reference", 6),
        ("nginx:<tag>", "'<' is not allowed in a reference", 6),
        ('"nginx:1"', "'\"' is not allowed in a reference", 0),
        (f"nginx@{DIGEST}'", '"\'" is not allowed in a reference', 77),
        (f"nginx@{DIGEST}}}", "'}' is not allowed in a reference", 77),
        ("`nginx`", "'`' is not allowed in a reference", 0),
        ("exa_mple.com/app:1", "'exa_mple.com' is not a valid host with an optional port", 0),
        ("registry.example.com:port/app", "'registry.example.com:port' is not a valid host with an optional port", 0),
        ("registry.example.com:/app", "'registry.example.com:' is not a valid host with an optional port", 0),
        ("-a.example.com/app", "'-a.example.com' is not a valid host with an optional port", 0),
        ("a..example.com/app", "'a..example.com' is not a valid host with an optional port", 0),
        ("[::1/app", "'[::1' is not a valid host with an optional port", 0),
        ("[fe80::1%25eth0]/app", "'[fe80::1%25eth0]' is not a valid host with an optional port", 0),
        ("example.com/", "the repository's name is missing", 12),
        (":1", "the repository's name is missing", 0),
        (f"@{DIGEST}", "the repository's name is missing", 0),
        ("Nginx:1", "a repository must be lower case", 0),
        ("example.com/team/App:1", "a repository must be lower case", 17),
        ("/nginx", "a repository is letters and digits, separated by '/', '.', '_', '__' or dashes", 0),
        ("nginx/", "a repository is letters and digits, separated by '/', '.', '_', '__' or dashes", 5),
        ("team//app", "a repository is letters and digits, separated by '/', '.', '_', '__' or dashes", 4),
        ("team/../app", "a repository is letters and digits, separated by '/', '.', '_', '__' or dashes", 4),
        ("a___b", "a repository is letters and digits, separated by '/', '.', '_', '__' or dashes", 1),
        ("-nginx", "a repository is letters and digits, separated by '/', '.', '_', '__' or dashes", 0),
        ("nginx_", "a repository is letters and digits, separated by '/', '.', '_', '__' or dashes", 5),
        ("café:1", "a repository is letters and digits, separated by '/', '.', '_', '__' or dashes", 3),
        (f"{'a' * 256}:1", "a repository has at most 255 characters", 255),
        (f"example.com/{'a' * 256}:1", "a repository has at most 255 characters", 267),
        ("nginx:", "the tag after ':' is missing", 6),
        (f"nginx:@{DIGEST}", "the tag after ':' is missing", 6),
        ("team/registry:5000/app", "a port must follow a registry's host", 14),
        ("nginx:-1", "a tag is up to 128 letters, digits, '_', '.' and '-', and does not begin with '.' or '-'", 6),
        ("nginx:1+2", "a tag is up to 128 letters, digits, '_', '.' and '-', and does not begin with '.' or '-'", 7),
        (
            f"nginx:{'t' * 129}",
            "a tag is up to 128 letters, digits, '_', '.' and '-', and does not begin with '.' or '-'",
            134,
        ),
        ("nginx:1:2", "a tag is up to 128 letters, digits, '_', '.' and '-', and does not begin with '.' or '-'", 7),
        ("nginx@", "a digest is 'sha256:' and 64 lower-case hexadecimal digits", 6),
        ("nginx@latest", "a digest is 'sha256:' and 64 lower-case hexadecimal digits", 6),
        (f"nginx@{HEX}", "a digest is 'sha256:' and 64 lower-case hexadecimal digits", 6),
        (f"nginx@sha256:{HEX[:-1]}", "a digest is 'sha256:' and 64 lower-case hexadecimal digits", 6),
        (f"nginx@sha256:{HEX}0", "a digest is 'sha256:' and 64 lower-case hexadecimal digits", 6),
        (f"nginx@sha256:{HEX.upper()}", "a digest is 'sha256:' and 64 lower-case hexadecimal digits", 6),
        (f"nginx@sha512:{HEX * 2}", "a digest is 'sha256:' and 64 lower-case hexadecimal digits", 6),
        (f"nginx@{DIGEST}@{DIGEST}", "a digest is 'sha256:' and 64 lower-case hexadecimal digits", 6),
    ],
)
def test_an_invalid_reference_is_refused_with_rule_and_position(text: str, rule: str, position: int) -> None:
    with pytest.raises(InvalidReferenceError) as caught:
        ImageReference.parse(text)
    assert caught.value.rule == rule
    assert caught.value.position == position
    assert f"(at character {position + 1})" in caught.value.cause
    assert caught.value.help


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest"),
    [
        ("nginx", "docker.io", "library/nginx", "", ""),
        ("nginx:1", "docker.io", "library/nginx", "1", ""),
        (f"nginx:1@{DIGEST}", "docker.io", "library/nginx", "1", DIGEST),
        (f"nginx@{DIGEST}", "docker.io", "library/nginx", "", DIGEST),
        ("grafana/grafana:10.0.0", "docker.io", "grafana/grafana", "10.0.0", ""),
        ("docker.io/nginx:1", "docker.io", "library/nginx", "1", ""),
        ("docker.io/library/nginx:1", "docker.io", "library/nginx", "1", ""),
        ("index.docker.io/nginx:1", "docker.io", "library/nginx", "1", ""),
        ("index.docker.io/team/app", "docker.io", "team/app", "", ""),
        ("registry-1.docker.io/library/nginx", "registry-1.docker.io", "library/nginx", "", ""),
        ("localhost/app", "localhost", "app", "", ""),
        ("localhost:5000/app", "localhost:5000", "app", "", ""),
        ("localhost:5000/app:1", "localhost:5000", "app", "1", ""),
        ("registry:5000/app", "registry:5000", "app", "", ""),
        ("registry:5000/team/app:5000", "registry:5000", "team/app", "5000", ""),
        ("registry:5000", "docker.io", "library/registry", "5000", ""),
        ("UPPER/app:1", "UPPER", "app", "1", ""),
        ("[::1]/app", "[::1]", "app", "", ""),
        ("[2001:db8::1]:5000/team/app:1", "[2001:db8::1]:5000", "team/app", "1", ""),
        (f"[::1]:5000/app@{DIGEST}", "[::1]:5000", "app", "", DIGEST),
        ("10.0.0.1:5000/app:1", "10.0.0.1:5000", "app", "1", ""),
        (f"{ECR}/team/my_app:AAA123", ECR, "team/my_app", "AAA123", ""),
        ("public.ecr.aws/nginx/nginx:1-alpine", "public.ecr.aws", "nginx/nginx", "1-alpine", ""),
        ("ghcr.io/org/a.b/c--d__e:v1.2.3_x", "ghcr.io", "org/a.b/c--d__e", "v1.2.3_x", ""),
        ("nginx:_", "docker.io", "library/nginx", "_", ""),
        (f"nginx:{'t' * 128}", "docker.io", "library/nginx", "t" * 128, ""),
        (f"example.com/{'a' * 255}", "example.com", "a" * 255, "", ""),
        (f"{HEX[:-1]}:1", "docker.io", f"library/{HEX[:-1]}", "1", ""),
        (f"team/{HEX}", "docker.io", f"team/{HEX}", "", ""),
        ("sha256:abc", "docker.io", "library/sha256", "abc", ""),
    ],
)
def test_references_are_parsed_by_the_distribution_grammar(
    text: str, registry: str, repository: str, tag: str, digest: str
) -> None:
    reference = ImageReference.parse(text)
    assert (reference.registry, reference.repository, reference.tag) == (registry, repository, tag)
    assert reference.digest == (Digest(digest) if digest else None)
    assert reference.written == str(reference) == text


@pytest.mark.parametrize(
    ("text", "pinned"),
    [
        ("nginx", f"nginx@{DIGEST}"),
        ("nginx:1", f"nginx@{DIGEST}"),
        (f"nginx:1@sha256:{'0' * 64}", f"nginx@{DIGEST}"),
        (f"nginx@sha256:{'0' * 64}", f"nginx@{DIGEST}"),
        ("index.docker.io/nginx:1", f"index.docker.io/nginx@{DIGEST}"),
        ("localhost:5000/app", f"localhost:5000/app@{DIGEST}"),
        ("localhost:5000/app:5000", f"localhost:5000/app@{DIGEST}"),
        (f"{ECR}/my_app:AAA", f"{ECR}/my_app@{DIGEST}"),
    ],
)
def test_pinning_keeps_registry_and_repository_as_written(text: str, pinned: str) -> None:
    assert ImageReference.parse(text).pinned(Digest(DIGEST)) == pinned
    assert ImageReference.parse(pinned).pinned(Digest(DIGEST)) == pinned


def test_comparisons_ignore_the_written_text() -> None:
    short, full = ImageReference.parse("nginx:1"), ImageReference.parse("index.docker.io/library/nginx:1")
    assert short == full
    assert not short != full  # noqa: SIM202 - both operators are meant
    assert short != ImageReference.parse("nginx:2")
    assert hash(short) == hash(full)
    assert short.canonical().written == full.canonical().written == "docker.io/library/nginx:1"


def test_the_canonical_form_keeps_tag_and_digest() -> None:
    assert str(ImageReference.parse(f"nginx:1@{DIGEST}").canonical()) == f"docker.io/library/nginx:1@{DIGEST}"


def test_a_constructed_reference_prints_in_full() -> None:
    assert str(ImageReference("example.com", "app", "1")) == "example.com/app:1"


def test_a_message_truncates_a_long_reference() -> None:
    with pytest.raises(InvalidReferenceError) as caught:
        ImageReference.parse("x" * 100_000 + " ")
    assert len(caught.value.cause) < 500


@pytest.mark.parametrize("text", ["a" * 200_000 + "!", "a-" * 100_000, "a." * 100_000 + "/b", "[" + ":" * 200_000])
def test_a_long_text_is_refused_quickly(text: str) -> None:
    before = time.process_time()
    with pytest.raises(InvalidReferenceError):
        ImageReference.parse(text)
    assert time.process_time() - before < 1


def test_a_message_truncates_a_long_host() -> None:
    with pytest.raises(InvalidReferenceError) as caught:
        ImageReference.parse("a_." * 50_000 + "com/app")
    assert "is not a valid host" in caught.value.rule
    assert len(caught.value.cause) < 500


@pytest.mark.parametrize("text", [f"nginx:{DIGEST}", f"{ECR}/team/app:{DIGEST}"])
def test_a_digest_after_a_colon_is_refused_with_the_correct_form(text: str) -> None:
    with pytest.raises(InvalidReferenceError) as caught:
        ImageReference.parse(text)
    assert caught.value.rule == "a digest follows '@', not ':'"
    assert text[caught.value.position :] == DIGEST
    assert caught.value.help == f"write {text.replace(':sha256', '@sha256')}"


@pytest.mark.parametrize("name", ["a" * 248, "a" * 255, f"docker.io/{'a' * 248}"])
def test_the_implied_library_counts_towards_the_length_limit(name: str) -> None:
    with pytest.raises(InvalidReferenceError, match="at most 255 characters, including the implied 'library/'"):
        ImageReference.parse(name)


def test_the_longest_short_name_can_be_written_in_full_too() -> None:
    read = ImageReference.parse("a" * 247)
    assert ImageReference.parse(str(read.canonical())) == read


@pytest.mark.parametrize(
    "text", ["a" * 10_000 + "://x", "a." + "b" * 10_000 + f"/x:sha256:{'0' * 64}", "x" * 10_000 + "/Y", "é" * 5_000]
)
def test_messages_have_a_length_limit(text: str) -> None:
    with pytest.raises(InvalidReferenceError) as caught:
        ImageReference.parse(text)
    assert len(caught.value.diagnostics()) < 1_200
