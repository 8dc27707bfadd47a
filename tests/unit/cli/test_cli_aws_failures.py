"""Whatever the AWS configuration and AWS respond, a message is an error and a help on one line each."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from image_pinner.cli.console import Dependencies
from support.command import Run, run_main
from unit.cli.cli_templates import MARKED, saved

REGION = "eu-west-1"
IN_ECR = MARKED.replace("shop/web:${Tag}", f"111122223333.dkr.ecr.{REGION}.amazonaws.com/web:1")
PROCESS = "[default]\ncredential_process = "
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAOWN", "AWS_SECRET_ACCESS_KEY": "own"}
CONFIGURATIONS: dict[str, tuple[str, dict[str, str], str]] = {
    "an unknown profile": ("[default]\n", {"AWS_PROFILE": "nosuch"}, "(nosuch)"),
    "no configuration file": ("[default\nregion", {}, "config"),
    "a program that does not exist": (f"{PROCESS}/no/such/program\n", {}, "/no/such/program"),
    "no program": (f"{PROCESS}\n", {}, "the AWS configuration"),
    "an open quote": (f'{PROCESS}"x\n', {}, "No closing quotation"),
    "a program with other output": (f"{PROCESS}/bin/echo hello\n", {}, "the AWS configuration"),
    "a program with an array": (f"{PROCESS}/bin/echo []\n", {}, "the AWS configuration"),
    "a profile that needs itself": (
        "[default]\nrole_arn = arn:aws:iam::111122223333:role/x\nsource_profile = default\n",
        {},
        "Infinite loop",
    ),
    "a token file that does not exist": (
        "",
        {"AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/x", "AWS_WEB_IDENTITY_TOKEN_FILE": "/no/such/token"},
        "/no/such/token",
    ),
    "a timeout that is not a number": ("", {"AWS_METADATA_SERVICE_TIMEOUT": "soon"}, "'soon'"),
    "a region mode that does not exist": ("", {**KEYS, "AWS_DEFAULTS_MODE": "odd"}, "odd"),
}
COMMANDS = {"status": ("status", "--region", REGION), "pin": ("pin",), "pin with the account": ("pin",)}
TEMPLATES = {"pin": IN_ECR, "pin with the account": IN_ECR.replace("111122223333", "${AWS::AccountId}")}


def run(command: str, folder: Path, **env: str) -> Run:
    """Run a subcommand with the AWS configuration of a folder, and without EC2 metadata."""
    template = (str(saved(folder, TEMPLATES[command])),) if command in TEMPLATES else ()
    files = {"AWS_CONFIG_FILE": str(folder / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials")}
    variables = {**files, "AWS_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true", **env}
    return run_main((*COMMANDS[command], *template), Dependencies(), env=variables)


def assert_one_error(run: Run, words: str) -> None:
    assert run.code in (2, 3)
    assert "Traceback" not in run.err
    error, help_, *_ = run.err.splitlines()
    assert error.startswith("error: ")
    assert words in error
    assert help_.startswith("help: ")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_an_unusable_configuration_is_explained(name: str, command: str, tmp_path: Path) -> None:
    text, env, words = CONFIGURATIONS[name]
    (tmp_path / "config").write_text(text)

    assert_one_error(run(command, tmp_path, AWS_ENDPOINT_URL="http://127.0.0.1:1", **env), words)


@pytest.mark.parametrize("command", TEMPLATES)
@pytest.mark.parametrize("name", ["an unknown profile", "no configuration file"])
def test_a_configuration_whose_region_cannot_be_read_is_explained(name: str, command: str, tmp_path: Path) -> None:
    text, env, words = CONFIGURATIONS[name]
    (tmp_path / "config").write_text(text)

    assert_one_error(run(command, tmp_path, AWS_REGION="", **env), words)


class Portal(BaseHTTPRequestHandler):
    """Responds to every request with a page for people."""

    status = 200

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        page = b"<html><body>Please sign in &nbsp;</body></html>"
        self.send_response(self.status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    do_GET = do_POST  # noqa: N815 - the name of http.server

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture(params=[200, 403])
def portal(request: pytest.FixtureRequest) -> Iterator[str]:
    handler = type("Handler", (Portal,), {"status": request.param})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_page_instead_of_a_response_is_explained(command: str, portal: str, tmp_path: Path) -> None:
    result = run(command, tmp_path, AWS_ENDPOINT_URL=portal, **KEYS)

    assert_one_error(result, "is not one of AWS")
    assert "sign in &nbsp;" not in result.err


@pytest.mark.parametrize("arn", ["deploy", "arn:aws:iam::1:role/x", "arn:aws:iam::111122223333:user/x"])
def test_a_role_that_is_not_an_arn_is_refused_before_any_request(arn: str, tmp_path: Path) -> None:
    result = run_main(("install", "--yes", "--role-arn", arn), Dependencies(), env={"AWS_REGION": REGION})

    assert (result.code, result.err) == (
        2,
        f"error: --role-arn {arn!r} is not the ARN of a role\nhelp: pass arn:aws:iam::ACCOUNT:role/NAME\n",
    )
    assert not list(tmp_path.iterdir())
