"""Every exit code of every subcommand, with a run that ends with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click
import pytest

from image_pinner.cli.commands import demo
from image_pinner.cli.console import ExitCode
from image_pinner.cli.demo.story import Story
from image_pinner.cli.main import SUBCOMMANDS, command
from image_pinner.sources.in_memory import InMemoryRegistry
from support.command import Run, image_pinner
from support.deployment.command import package, run
from support.deployment.fake_change_sets import FakeCloudFormation, expand, processed
from support.deployment.fake_clients import denied
from support.deployment.fake_function import FakeFunction
from support.deployment.scene import Scene
from support.exit_codes import EXIT_CODES
from support.macro import event_for
from support.templates import task
from unit.cli.cli_templates import MARKED, digest

OLD = f"shop/web:1@{digest('old')}"
DONE, FINDINGS, USAGE_ERROR, LOOKUP_FAILED, POLICY_DENIED, INTERRUPTED = ExitCode


class Interrupting(InMemoryRegistry):
    """A registry in memory whose user presses Ctrl-C during a lookup."""

    def resolve_all(self, *_: Any) -> Any:
        raise KeyboardInterrupt


def _pinning(
    name: str, code: ExitCode, image: str, *options: str, registry: InMemoryRegistry | None = None, gates: str = ""
) -> Any:
    """Return the case of a subcommand that runs on a template, or an event, with one image."""

    def end(_: pytest.MonkeyPatch) -> Run:
        template = {"Transform": "ImagePinner", "Resources": {"Web": task(image)}}
        content = event_for(template) if name == "invoke" else template
        env = {"IMAGE_PINNER_GATES": gates}
        return image_pinner(name, *options, "-", stdin=json.dumps(content).encode(), resolvers=registry, env=env)

    return (name, code), end


def _deploying(name: str, code: ExitCode, *options: str, prepare: Callable[[Scene], None] = lambda _: None) -> Any:
    """Return the case of a subcommand on a fake AWS account, in which the macro is installed except for `install`."""

    def end(_: pytest.MonkeyPatch) -> Run:
        aws = Scene()
        installed = ("--yes", "--package", package(Path()))
        if name != "install":
            assert run(aws, "install", *installed).code == 0
            function = FakeFunction(aws)
            checksum = aws.cloud.live("image-pinner").parameters["CodeSha256"]
            function.acting["CodeSha256"] = function.latest["CodeSha256"] = checksum
        prepare(aws)
        own = {"install": installed, "upgrade": installed, "uninstall": ("--yes",)}.get(name, ())
        return run(aws, name, *own, *options)

    return (name, code), end


def _expanding(
    code: ExitCode, stack: str = "shop", prepare: Callable[[FakeCloudFormation], None] = lambda _: None
) -> Any:
    def end(_: pytest.MonkeyPatch) -> Run:
        aws = FakeCloudFormation()
        prepare(aws)
        Path("web.yaml").write_text(MARKED, "utf-8")
        return expand(aws, "web.yaml", "--stack", stack)

    return ("expand", code), end


def _leave_unpinned(aws: FakeCloudFormation) -> None:
    aws.body = processed("shop/web:1")


def _plain(name: str, code: ExitCode, *options: str) -> Any:
    return (name, code), lambda _: image_pinner(name, *options)


def _interrupted(name: str) -> Any:
    def end(patch: pytest.MonkeyPatch) -> Run:
        def interrupt(*_: Any, **__: Any) -> None:
            raise KeyboardInterrupt

        found = command.get_command(click.Context(command), name)
        assert found
        patch.setattr(found, "callback", interrupt)
        return image_pinner(name, *({"check": ("-",), "completion": ("bash",)}.get(name, ())))

    return (name, INTERRUPTED), end


def _demo(code: ExitCode, *, succeeds: bool) -> Any:
    def end(patch: pytest.MonkeyPatch) -> Run:
        patch.setattr(demo, "embedded_aws", lambda: nullcontext(None))
        patch.setattr(Story, "run", lambda _: succeeds)
        patch.setattr(Story, "__init__", lambda *_: None)
        return image_pinner("demo")

    return ("demo", code), end


def _interrupt(*_: Any) -> Any:
    raise KeyboardInterrupt


def _refuse(*_: Any) -> Any:
    raise denied("sts:GetCallerIdentity")


def _use(aws: Scene) -> None:
    aws.cloud.stack("web", template="Transform: ImagePinner\nResources: {}")


def _answer(answer: Callable[..., Any]) -> Callable[[Scene], None]:
    return lambda aws: aws.answers.update({"sts": answer})


CASES: dict[tuple[str, ExitCode], Callable[[pytest.MonkeyPatch], Run]] = dict(
    [
        _pinning("pin", DONE, "!PinDigest shop/web:1"),
        _pinning("pin", FINDINGS, "!PinDigest shop/web"),
        _pinning("pin", USAGE_ERROR, "!PinDigest shop/web:1", "--in-place"),
        _pinning("pin", LOOKUP_FAILED, "!PinDigest shop/web:1", registry=InMemoryRegistry()),
        _pinning("pin", POLICY_DENIED, f"!PinDigest WhenMoved=Fail {OLD}"),
        _pinning("pin", INTERRUPTED, "!PinDigest shop/web:1", registry=Interrupting()),
        _pinning("update", DONE, "shop/web:1", "--check"),
        _pinning("update", FINDINGS, OLD, "--check"),
        _pinning("update", USAGE_ERROR, OLD),
        _pinning("update", LOOKUP_FAILED, OLD, "--check", registry=InMemoryRegistry()),
        _pinning("update", POLICY_DENIED, OLD, "--check", gates="age.minimum=3d"),
        _pinning("update", INTERRUPTED, OLD, "--check", registry=Interrupting()),
        _pinning("lock", DONE, "!PinDigest shop/web:1"),
        _pinning("lock", FINDINGS, "!PinDigest shop/web"),
        _pinning("lock", USAGE_ERROR, "!PinDigest shop/web:1", "--check", "--update"),
        _pinning("lock", LOOKUP_FAILED, "!PinDigest shop/web:1", registry=InMemoryRegistry()),
        _pinning("lock", POLICY_DENIED, f"!PinDigest WhenMoved=Fail {OLD}"),
        _pinning("lock", INTERRUPTED, "!PinDigest shop/web:1", registry=Interrupting()),
        _pinning("invoke", DONE, "!PinDigest shop/web:1"),
        _pinning("invoke", FINDINGS, "!PinDigest shop/web"),
        _plain("invoke", USAGE_ERROR, "missing.json"),
        _pinning("invoke", LOOKUP_FAILED, "!PinDigest shop/web:1", registry=InMemoryRegistry()),
        _pinning("invoke", POLICY_DENIED, f"!PinDigest WhenMoved=Fail {OLD}"),
        _pinning("invoke", INTERRUPTED, "!PinDigest shop/web:1", registry=Interrupting()),
        _pinning("check", DONE, "!PinDigest shop/web:1"),
        _pinning("check", FINDINGS, "!PinDigest shop/web"),
        _plain("check", USAGE_ERROR, "missing.yaml"),
        _pinning("check", LOOKUP_FAILED, "shop/web:1", "--fix", "--pin", registry=InMemoryRegistry()),
        _pinning("check", POLICY_DENIED, "shop/web:1", "--fix", "--pin", gates="age.minimum=3d"),
        _interrupted("check"),
        _pinning("diff", DONE, f"shop/web@{digest('old')}"),
        _pinning("diff", FINDINGS, "!PinDigest shop/web:1"),
        _pinning("diff", USAGE_ERROR, "!PinDigest shop/web:1", "--stack", "a", "--against", "b"),
        _pinning("diff", LOOKUP_FAILED, "!PinDigest shop/web:1", registry=InMemoryRegistry()),
        _pinning("diff", POLICY_DENIED, f"!PinDigest WhenMoved=Fail {OLD}"),
        _pinning("diff", INTERRUPTED, "!PinDigest shop/web:1", registry=Interrupting()),
        _pinning("gate", DONE, "!PinDigest shop/web:1"),
        _pinning("gate", FINDINGS, "!PinDigest shop/web"),
        _pinning("gate", USAGE_ERROR, "!PinDigest shop/web:1", "--format", "xml"),
        _pinning("gate", LOOKUP_FAILED, "!PinDigest shop/web:1", registry=InMemoryRegistry()),
        _pinning("gate", POLICY_DENIED, f"!PinDigest WhenMoved=Fail {OLD}"),
        _pinning("gate", INTERRUPTED, "!PinDigest shop/web:1", registry=Interrupting()),
        _expanding(DONE),
        _expanding(FINDINGS, prepare=_leave_unpinned),
        _expanding(USAGE_ERROR, stack="not/valid"),
        _expanding(LOOKUP_FAILED, prepare=lambda aws: aws.before.update({"CreateChangeSet": _refuse})),
        _expanding(INTERRUPTED, prepare=lambda aws: aws.before.update({"DescribeChangeSet": _interrupt})),
        _plain("rules", DONE),
        _plain("rules", USAGE_ERROR, "IP999"),
        _interrupted("rules"),
        _plain("config", DONE),
        _plain("config", USAGE_ERROR, "pni"),
        _interrupted("config"),
        _plain("completion", DONE, "bash"),
        _plain("completion", USAGE_ERROR, "tcsh"),
        _interrupted("completion"),
        _demo(DONE, succeeds=True),
        _demo(FINDINGS, succeeds=False),
        _plain("demo", USAGE_ERROR, "--nonsense"),
        _interrupted("demo"),
        _deploying("install", DONE),
        _deploying("install", USAGE_ERROR, "--tag", "x"),
        _deploying("install", LOOKUP_FAILED, prepare=_answer(_refuse)),
        _deploying("install", INTERRUPTED, prepare=_answer(_interrupt)),
        _deploying("upgrade", DONE),
        _deploying("upgrade", USAGE_ERROR, "--tag", "x"),
        _deploying("upgrade", LOOKUP_FAILED, prepare=_answer(_refuse)),
        _deploying("upgrade", INTERRUPTED, prepare=_answer(_interrupt)),
        _deploying("uninstall", DONE),
        _deploying("uninstall", FINDINGS, prepare=_use),
        _deploying("uninstall", USAGE_ERROR, "--stack-name", "other"),
        _deploying("uninstall", LOOKUP_FAILED, prepare=_answer(_refuse)),
        _deploying("uninstall", INTERRUPTED, prepare=_answer(_interrupt)),
        _deploying("status", DONE),
        _deploying("status", FINDINGS, "--stack-name", "other"),
        _deploying("status", USAGE_ERROR, "--probe", "--organization"),
        _deploying("status", LOOKUP_FAILED, prepare=_answer(_refuse)),
        _deploying("status", INTERRUPTED, prepare=_answer(_interrupt)),
    ]
)


def test_every_subcommand_is_in_the_table() -> None:
    assert set(EXIT_CODES) == set(SUBCOMMANDS)
    assert set(CASES) == {(name, code) for name, codes in EXIT_CODES.items() for code in codes}


@pytest.mark.parametrize(
    ("name", "code"), CASES, ids=lambda value: str(int(value)) if isinstance(value, int) else value
)
def test_a_subcommand_ends_with_the_code(
    name: str, code: ExitCode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    ended = CASES[name, code](monkeypatch)

    assert ended.code == code, ended.err
    assert "Traceback" not in ended.err
    if code == INTERRUPTED:
        assert ended.err.endswith("error: interrupted\n")


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_an_unknown_option_is_a_usage_error_of_every_subcommand(name: str) -> None:
    ended = image_pinner(name, "--nonsense")

    assert (ended.code, ended.out) == (ExitCode.USAGE_ERROR, b"")
    assert ended.err.startswith("error: unknown ")
    assert ended.err.splitlines()[1].startswith("help: run image-pinner")
