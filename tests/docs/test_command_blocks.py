"""Every command in a console block can be run as it is written: programs, subcommands, options and values exist."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Callable

import botocore.session
import click
import pytest
from urllib3.util import parse_url

from docs.documents import ROOT, Block, as_parameters, blocks, context_of, subcommands_of
from image_pinner.settings import SETTING_RULES
from image_pinner.sources.http.proxies import Proxies

CONSOLE = blocks("console")


def commands(text: str) -> list[list[str]]:
    """Split a console block into commands, each a list of words; pipes, redirections and loops end a command."""
    joined = re.sub(r"\\\n\s*", "", text)
    found = []
    for line in re.findall(r"^\$ (.*(?:\n(?!\$ ).*)*)", joined, re.MULTILINE):
        words: list[str] = []
        lexer = shlex.shlex(re.sub(r"\$\([^()]*\)", "SUBSTITUTED", line), posix=True, punctuation_chars=";|&>")
        lexer.whitespace_split = True
        for word in lexer:
            if set(word) <= set(";|&>"):
                break
            words.append(word)
        found.append(words[3:] if words[:1] == ["for"] else words)
    return found


def check_make(words: list[str]) -> None:
    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    names = [word for word in words if "=" not in word]
    assert names
    assert set(names) <= set(targets)


def check_image_pinner(words: list[str]) -> None:
    """Parse the options of a command as click does, without running it."""
    name, *arguments = words
    if arguments and arguments[0] in subcommands_of(context_of(name).command):
        name, arguments = f"{name} {arguments[0]}", arguments[1:]
    context = context_of(name)
    context.command.make_parser(context).parse_args(arguments)


def check_export(words: list[str]) -> None:
    """Read the value of a variable as the settings do, or as Python reads those of proxies."""
    variable, _, value = words[0].partition("=")
    if variable in {"HTTPS_PROXY", "NO_PROXY"}:
        proxies = Proxies({"https": value} if variable == "HTTPS_PROXY" else {})
        assert bool(proxies.for_url(parse_url("https://registry.example"))) is (variable == "HTTPS_PROXY")
        return
    rule = {rule.variable: rule for rule in SETTING_RULES}[variable]
    rule.read(value)


def check_aws(words: list[str]) -> None:
    """Look up an operation in botocore's models; `deploy`, `wait` and `s3` exist only in the AWS CLI."""
    service, operation = words[0], words[1]
    if (service, operation) in {("cloudformation", "deploy"), ("cloudformation", "wait"), ("s3", "cp")}:
        return
    model = botocore.session.get_session().get_service_model(service)
    found = {re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower(): name for name in model.operation_names}
    assert operation in found
    known = {
        re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
        for name in model.operation_model(found[operation]).input_shape.members
    }
    options = {word.removeprefix("--").removeprefix("no-") for word in words[2:] if word.startswith("--")}
    assert options - {"query", "output", "region"} <= known | {name.removeprefix("no-") for name in known}


def check_git(words: list[str]) -> None:
    assert words == ["clone", repository_url()]


def check_pip(words: list[str]) -> None:
    assert words in (["install", "."], ["install", "image-pinner"])


def check_uvx(words: list[str]) -> None:
    check_image_pinner(words[1:] if words[0] == "image-pinner" else [])


def check_python(words: list[str]) -> None:
    assert words[:2] == ["-m", "venv"]


def check_cd(words: list[str]) -> None:
    assert words == [repository_url().rpartition("/")[2]]


PROGRAMS: dict[str, Callable[[list[str]], None]] = {
    "aws": check_aws,
    "cd": check_cd,
    "export": check_export,
    "git": check_git,
    "image-pinner": check_image_pinner,
    "make": check_make,
    "pip": check_pip,
    "python3": check_python,
    "uvx": check_uvx,
}


def repository_url() -> str:
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]["Repository"])


@pytest.mark.parametrize(
    "line",
    [
        "$ make no-such-target",
        "$ image-pinner no-such-command",
        "$ image-pinner pin --no-such-option x.yaml",
        "$ export IMAGE_PINNER_TIMEOUT=soon",
        "$ export IMAGE_PINNER_NO_SUCH_SETTING=1",
        "$ aws cloudformation no-such-operation",
        "$ aws cloudformation update-stack --no-such-option",
        "$ git clone https://example.com/other",
        "$ pip install '.[no-such-extra]'",
        "$ uvx other check x.yaml",
        "$ cd elsewhere",
        "$ no-such-program",
    ],
)
def test_a_wrong_command_is_found(line: str) -> None:
    ((program, *words),) = commands(line)
    with pytest.raises((AssertionError, KeyError, ValueError, click.UsageError)):
        PROGRAMS[program](words)


def test_commands_are_split_as_a_shell_does() -> None:
    text = "$ a 'b c' \\\n    d > e\n$ f | g\n$ for x in y; do\n    z; done\noutput\n"
    assert commands(text) == [["a", "b c", "d"], ["f"], ["y"]]


@pytest.mark.parametrize("block", as_parameters(CONSOLE))
def test_every_command_exists_with_its_options(block: Block) -> None:
    found = commands(block.text)
    assert found
    for program, *words in found:
        # Tests of their own run those with `tested`.
        if block.comment.startswith(("not walked", "tested: ")):
            continue
        PROGRAMS[program](words)
