"""Seeds of the mutations: usual inputs, and inputs that caused bugs in other tools."""

from __future__ import annotations

import base64
import json
from typing import Any

from image_pinner.core.images.lookups import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from image_pinner.core.images.references import Digest
from support.images import (
    DOCKER_CONFIG,
    attestation,
    descriptor,
    docker_image,
    docker_list,
    encoded,
    oci_image,
    oci_index,
    platform,
)

_DIGEST = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

REFERENCES = (
    "nginx",
    "nginx:1.29-alpine",
    "library/nginx",
    "docker.io/library/nginx:latest",
    "index.docker.io/nginx:1",
    "registry-1.docker.io/library/nginx",
    f"ghcr.io/owner/app:v1.2.3@{_DIGEST}",
    f"quay.io/prometheus/node-exporter@{_DIGEST}",
    "111122223333.dkr.ecr.us-east-1.amazonaws.com/team/app:2026-11-25",
    "public.ecr.aws/docker/library/redis:8",
    "gcr.io/google-containers/pause:3.10",
    "europe-docker.pkg.dev/project/repo/app__x-y.z:1",
    "team.azurecr.io/app:1",
    "registry.gitlab.com/group/sub/project:main",
    "localhost:5000/app",
    "[2001:db8::1]:5000/app:1",
    "Registry/app",
    "https://ghcr.io/owner/app",
    "sha256:9f86d081",
    "repo/app:${Tag}",
    "app:tag:tag",
    "UPPER/app",
    "a:b/c",
    "\u0660/app",
    "app@sha512:00",
)

CHALLENGES = (
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull"',
    'Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:owner/app:pull"',
    'Bearer realm="https://gitlab.com/jwt/auth",service="container_registry",scope="repository:group/app:pull"',
    'Bearer realm="https://public.ecr.aws/token/",service="public.ecr.aws",scope="aws"',
    'Bearer realm="https://quay.io/v2/auth",service="quay.io",scope="repository:org/app:pull",error="insufficient_scope"',
    'Basic realm="https://111122223333.dkr.ecr.us-east-1.amazonaws.com/",service="ecr.amazonaws.com"',
    'Basic realm="Registry Realm", charset="UTF-8"',
    'Negotiate dG9rZW4=, Bearer realm="a\\"b\\\\", service=plain ,, Basic realm=x',
    'Bearer realm="never closed',
    'bearer REALM = "a" , Realm="b"',
    'Negotiate\nBasic realm="two headers"',
)

NAMES = (
    "111122223333.dkr.ecr.us-east-1.amazonaws.com",
    "111122223333.dkr-ecr-fips.us-gov-west-1.on.aws:443",
    "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn",
    "api.ecr.us-east-1.amazonaws.com",
    "11112222.dkr.ecr.nowhere-1.amazonaws.com:5000",
    "linux/amd64",
    "linux/arm/v7",
    "windows/x86_64",
    "registry.example:5000",
    "[::1]:5000",
    "[fd00:ec2::254%eth0]",
    "169.254.169.254",
    "https://user:password@registry.example:443/v2/?query#fragment",
    "http://[::ffff:10.0.0.1]/",
    "120",
    "Wed, 25 Nov 2026 07:28:00 GMT",
    "Wednesday, 25-Nov-26 07:28:00 +2359",
    "25 Nov 1 00:00",
    "xn--bcher-kva.example",
)

LOCATIONS = (
    "/v2/app/manifests/2",
    "https://registry.example/elsewhere\nhttps://cdn.example/blob?X-Amz-Signature=abc\nhttps://registry.example/back",
    "//cdn.example/blob",
    "http://registry.example/",
    "http://localhost:5000/v2/\nhttp://localhost:5000/again",
    "https://user:password@cdn.example/",
    "https://169.254.169.254/latest/meta-data",
    "?n=1\n#fragment\n../..\n/loop",
    "https://registry.example:443/same\n\n",
    "https://registry.example\\@cdn.example/",
    "ftp://files.example/\nhttp://[broken",
    "HTTPS://REGISTRY.EXAMPLE/upper",
)

TOKENS = tuple(
    f"{realm}\n{service}\n{scope}\n{body}"
    for realm, service, scope, body in (
        (
            "https://auth.docker.io/token",
            "registry.docker.io",
            "repository:library/nginx:pull",
            '{"token": "eyJh.b.c"}',
        ),
        ("https://auth.example/token?a=b", "", "a b", '{"access_token": "opaque-t0ken", "expires_in": 300}'),
        ("https://auth.example/", "s", "", '{"token": "", "access_token": "x"}'),
        ("http://localhost:5000/token", "s", "aws", '{"token": ["x"]}'),
        ("http://auth.example/token", "s", "aws", "{}"),
        ("https://user:password@auth.example/", "s", "x", "[]"),
        ("/token", "s", "x", '{"token": "white space"}'),
        (
            "https://auth.example/token",
            "s",
            "x",
            '{"errors": [{"code": "DENIED", "message": "s3cr3t-passw0rd is wrong"}]}',
        ),
    )
)

_CONTENT = b"{}"
_ARM_VARIANTS = [
    descriptor(OCI_MANIFEST, variant.encode(), **platform("linux", "arm", variant=variant)) for variant in ("v6", "v7")
]
_SCHEMA1 = {"schemaVersion": 1, "name": "app", "tag": "1", "fsLayers": [{"blobSum": _DIGEST}], "history": [{}]}

MANIFESTS = (
    oci_image(),
    docker_image(),
    oci_index(
        descriptor(OCI_MANIFEST, b"amd", **platform("linux", "amd64")),
        descriptor(OCI_MANIFEST, b"arm", **platform("linux", "arm64", variant="v8")),
        attestation(OCI_MANIFEST, b"attested", b"amd"),
    ),
    docker_list(
        descriptor(DOCKER_MANIFEST, b"linux", **platform("linux", "amd64")),
        descriptor(DOCKER_MANIFEST, b"2022", **platform("windows", "amd64", **{"os.version": "10.0.20348.2762"})),
        descriptor(DOCKER_MANIFEST, b"2019", **platform("windows", "amd64", **{"os.version": "10.0.17763.6414"})),
    ),
    oci_index(*_ARM_VARIANTS),
    oci_index(descriptor(OCI_MANIFEST, b"single")),
    oci_index(descriptor(OCI_INDEX, b"nested", **platform("linux", "amd64"))),
    oci_index(descriptor(OCI_MANIFEST, b"chart", artifactType="application/vnd.cncf.helm.config.v1+json")),
    oci_index(),
    encoded(_SCHEMA1),
    encoded({"schemaVersion": 2, "manifests": [], "layers": [], "config": descriptor(DOCKER_CONFIG, _CONTENT)}),
    encoded({"schemaVersion": 2, "config": {"mediaType": "application/vnd.cncf.helm.config.v1+json"}, "layers": []}),
    encoded([]),
    b"",
    b"<html>log in</html>",
    b"\xef\xbb\xbf{}",
)

CONFIGS = tuple(
    encoded(document)
    for document in (
        {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [_DIGEST]}, "config": {}},
        {"architecture": "arm64", "os": "linux", "variant": "v8", "history": [{"created_by": "COPY . ."}]},
        {"architecture": "amd64", "os": "windows", "os.version": "10.0.20348.2762"},
        {"architecture": "", "os": "linux"},
        {"os": ["linux"], "architecture": 1},
        [],
    )
)


def _auth(user: str, password: str) -> dict[str, Any]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


DOCKER_CONFIGS = tuple(
    json.dumps(document, indent=1).encode()
    for document in (
        {
            "auths": {"https://index.docker.io/v1/": _auth("user", "s3cr3t"), "ghcr.io": _auth("robot", "s3cr3t:x")},
            "HttpHeaders": {"User-Agent": "Docker-Client"},
        },
        {"auths": {"http://registry.example:5000/v2/": {"identitytoken": "s3cr3t"}}, "credsStore": "desktop"},
        {"auths": {"[::1]:5000": {"username": "user", "password": "s3cr3t"}, "ghcr.io/owner": {}, "docker.io": None}},
        {"credHelpers": {"ghcr.io": "login-1", "docker.io": "login", "unnamed.example": ""}, "credsStore": "login-12"},
        {"auths": {"ghcr.io": {"registrytoken": "s3cr3t"}}},
        {"auths": {"ghcr.io": {"auth": "no base64!"}, "registry.example:5000": {"auth": "dXNlcg=="}}},
        {"auths": [], "credHelpers": {}},
        [],
    )
)

DIAGNOSTICS = (
    b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"Tag":"1"}}]}',
    b'{"errors":[{"code":"TOOMANYREQUESTS","message":"See https://www.docker.com/limit?token=abcdefghijkl"}]}',
    b'{"errors":[{"code":"denied","message":"Bearer eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.sig is s3cr3t-t0ken"}]}',
    b'{"errors":[1,null,{"code":[]},{"message":{}}]}',
    b'{"detail":"password=hunter22hunter22","token":"abcdefgh"}',
    b"502 Bad Gateway\r\n\x1b[31mnginx\x1b[0m",
    "{}".encode("utf-16"),
    b"<html><title>Log in</title></html>",
)

REPLIES = (
    f"{OCI_MANIFEST}\n{Digest.of(MANIFESTS[0])}\n".encode() + MANIFESTS[0],
    f"{OCI_INDEX}; charset=utf-8\n\n".encode() + MANIFESTS[2],
    b"application/json\n\n" + encoded(_SCHEMA1),
    f"{OCI_MANIFEST}\n{_DIGEST}\n".encode() + encoded({"mediaType": OCI_INDEX}),
    f"{DOCKER_MANIFEST}\nsha512:00\n".encode() + encoded({"mediaType": ["x"]}),
    b"text/html\n\n<html>log in</html>",
    b"\n\n",
)
