"""An option takes precedence over an environment variable, and that over the file; `config` shows the sources."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest

from image_pinner.cli.configuration.keys import Form, nested_commands, option_keys, setting_keys, setting_text
from image_pinner.cli.main import SUBCOMMANDS, command
from image_pinner.settings import SETTING_RULES, Settings
from support.command import image_pinner
from support.templates import task
from unit.cli.cli_templates import MARKED, UNMARKED, digest, saved

FILE = "image-pinner.toml"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory, which has a template."""
    saved(tmp_path, MARKED)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _configuration(*arguments: str, **variables: str) -> Any:
    env = {f"IMAGE_PINNER_{name.upper()}": value for name, value in variables.items()}
    run = image_pinner("config", "--format", "json", *arguments, env=env)
    assert (run.code, run.err) == (0, "")
    return json.loads(run.text)


def _value(value: Any, source: str = "default", location: str = "") -> dict[str, Any]:
    return {"value": value, "source": source, "location": location}


def test_a_setting_is_from_the_environment_the_file_or_the_default(folder: Path) -> None:
    assert _configuration()["settings"]["workers"] == _value(20)

    saved(folder, "workers = 3", FILE)
    assert _configuration()["settings"]["workers"] == _value(3, "file", f"{FILE}:1")
    assert _configuration(workers=" ")["settings"]["workers"] == _value(3, "file", f"{FILE}:1")

    shown = _configuration(workers="4")
    assert shown["settings"]["workers"] == _value(4, "environment", "IMAGE_PINNER_WORKERS")
    assert (shown["version"], shown["file"], shown["subcommands"]) == (1, FILE, {})


def test_an_option_is_from_the_command_line_the_file_or_the_default(folder: Path) -> None:
    assert _configuration("pin")["subcommands"]["pin"]["output-format"] == _value(None)

    saved(folder, "[pin]\noutput-format = 'json'", FILE)
    assert _configuration("pin")["subcommands"]["pin"]["output-format"] == _value("json", "file", f"{FILE}:2")
    assert _configuration()["subcommands"] == {"pin": {"output-format": _value("json", "file", f"{FILE}:2")}}

    shown = _configuration("pin", "template.yaml", "--output-format", "yaml", "--timeout", "5")["subcommands"]["pin"]
    assert shown["output-format"] == _value("yaml", "option", "--output-format")
    assert shown["timeout"] == _value(5.0, "option", "--timeout")


def test_a_setting_for_one_subcommand_takes_precedence_over_the_one_for_all(folder: Path) -> None:
    saved(folder, "max-images = 3\n[check]\nmax-images = 4", FILE)

    assert _configuration()["settings"]["max-images"] == _value(3, "file", f"{FILE}:1")
    assert _configuration("pin")["settings"]["max-images"] == _value(3, "file", f"{FILE}:1")
    assert _configuration("check")["settings"]["max-images"] == _value(4, "file", f"{FILE}:3")
    assert _configuration("check", max_images="5")["settings"]["max-images"]["value"] == 5


def test_an_option_of_the_subcommand_takes_precedence_over_a_setting_with_its_name(folder: Path) -> None:
    saved(folder, "workers = 3\n[check]\nworkers = 4", FILE)

    shown = _configuration("check")
    assert shown["settings"]["workers"] == _value(3, "file", f"{FILE}:1")
    assert shown["subcommands"]["check"]["workers"] == _value(4, "file", f"{FILE}:3")


def test_the_options_of_a_nested_subcommand_have_a_nested_table(folder: Path) -> None:
    saved(folder, "[lock]\noutput = 'x.json'\n[lock.publish]\ns3 = 'b/k'", FILE)

    assert _configuration("lock", "publish")["subcommands"]["lock publish"]["s3"] == _value("b/k", "file", f"{FILE}:4")
    assert _configuration()["subcommands"] == {
        "lock": {"output": _value("x.json", "file", f"{FILE}:2")},
        "lock publish": {"s3": _value("b/k", "file", f"{FILE}:4")},
    }


def test_pin_can_be_a_setting_or_a_table(folder: Path) -> None:
    saved(folder, MARKED + '        - {Name: other, Image: "shop/other:1"}\n')
    for text in ("pin = 'All'", "[pin]\npin = 'All'", "[settings]\npin = 'All'\n[pin]\nkeep-tag = false"):
        saved(folder, text, FILE)
        assert digest("docker.io/shop/other:1") in image_pinner("pin", "template.yaml").text

    saved(folder, "[update]\npin = 'All'", FILE)
    assert digest("docker.io/shop/other:1") not in image_pinner("pin", "template.yaml").text


def test_options_of_the_file_have_their_effect_and_those_of_the_command_line_replace_them(folder: Path) -> None:
    saved(folder, "[pin]\noutput-format = 'json'\nkeep-tag = true\n[pin.parameter]\nTag = '2.0'", FILE)
    image = f"shop/web:2.0@{digest('docker.io/shop/web:2.0')}"

    run = image_pinner("pin", "template.yaml")
    assert image in json.dumps(json.loads(run.text))
    run = image_pinner("pin", "template.yaml", "--output-format", "yaml", "--parameter", "Tag=3.0")
    assert run.text.startswith("# A comment that stays.\n")
    assert digest("docker.io/shop/web:3.0") in run.text


def test_settings_of_the_file_have_their_effect_in_subcommands(folder: Path) -> None:
    saved(folder, "Resources: {A: {Type: 'X::Y::Z', Properties: {Picture: 'shop/web:1.0'}}}")
    assert image_pinner("check", "template.yaml").code == 0

    saved(folder, "image-paths = ['$.Resources.*.Properties.Picture']\nworkers = 3", FILE)

    assert "shop/web:1.0" in image_pinner("check", "template.yaml").text
    assert image_pinner("check", "template.yaml", env={"IMAGE_PINNER_IMAGE_PATHS": "$.Other"}).code == 0


def test_tables_of_gates_are_shown_and_have_their_effect(folder: Path) -> None:
    saved(folder, "[gates.tags]\ndeny = ['latest', '1.*']\n[gates.age]\nminimum = '3d'", FILE)
    entries = ["tags.deny=latest", "tags.deny=1.*", "age.minimum=3d"]
    found = json.loads(image_pinner("config", "--format", "json").text)["settings"]["gates"]
    assert (found["value"], found["location"]) == (entries, "image-pinner.toml:1")
    template = json.dumps({"Resources": {"Web": task("!PinDigest shop/web:1.0")}})
    saved(folder, template)
    denied = image_pinner("gate", "template.yaml")
    assert denied.code == 4
    assert "gate tags denies the image: tag '1.0' (matches 1.*) is forbidden" in denied.err


def test_a_table_of_gates_with_an_unknown_option_is_an_error(folder: Path) -> None:
    saved(folder, "[gates.age]\nminimun = '3d'", FILE)
    run = image_pinner("gate", "template.yaml")
    assert run.code == 2
    assert run.err == (
        "error: image-pinner.toml:1: invalid gates: entry 1\nhelp: use one of mode, unknown, minimum, maximum\n"
    )


@pytest.mark.parametrize("table", ["[gates.marked]", "[gates.tags]\ndeny = []"])
def test_a_table_of_a_gate_without_any_entry_is_an_error(folder: Path, table: str) -> None:
    saved(folder, table, FILE)
    run = image_pinner("gate", "template.yaml")
    assert run.code == 2
    assert "image-pinner.toml:1: invalid gates: entry 1" in run.err


def test_invoke_uses_the_settings_of_the_file(folder: Path) -> None:
    fragment = {
        "Resources": {
            "Web": {
                "Type": "AWS::ECS::TaskDefinition",
                "Properties": {"ContainerDefinitions": [{"Name": "web", "Image": "shop/web:1"}]},
            }
        }
    }
    event = {
        "accountId": "111122223333",
        "region": "us-east-1",
        "transformId": "111122223333::ImagePinner",
        "requestId": "1",
        "fragment": fragment,
        "params": {},
        "templateParameterValues": {},
    }
    stdin = json.dumps(event).encode()
    assert digest("docker.io/shop/web:1") not in image_pinner("invoke", "-", stdin=stdin).text

    saved(folder, "pin = 'All'", FILE)

    assert digest("docker.io/shop/web:1") in image_pinner("invoke", "-", stdin=stdin).text
    marked_only = image_pinner("invoke", "-", stdin=stdin, env={"IMAGE_PINNER_PIN": "Marked"})
    assert digest("docker.io/shop/web:1") not in marked_only.text


def test_an_option_for_a_setting_takes_precedence_over_the_environment_and_that_over_the_file(folder: Path) -> None:
    saved(folder, UNMARKED.replace("shop/web:${Tag}", "!PinDigest shop/web"))

    def fails(*options: str, **env: str) -> bool:
        return "has no tag or digest" in image_pinner("pin", "template.yaml", *options, env=env).err

    assert fails()
    saved(folder, "[pin]\nunsafe-implicit-latest = true", FILE)
    assert not fails()
    assert fails(IMAGE_PINNER_UNSAFE_IMPLICIT_LATEST="false")
    assert not fails("--unsafe-implicit-latest", IMAGE_PINNER_UNSAFE_IMPLICIT_LATEST="false")


def test_values_that_may_be_secret_are_hidden(folder: Path) -> None:
    saved(
        folder,
        "[pin]\nparameter-overrides = ['Password=hunter2 Tag=1']\n[pin.parameter]\nOther = 'hunter2'\n"
        "[lock]\nparameter = ['Password=hunter2']",
        FILE,
    )
    external_id = "111122223333=arn:aws:iam::111122223333:role/x hunter2"

    for arguments in ((), ("pin",), ("pin", "--parameter", "Password=hunter2"), ("lock",)):
        run = image_pinner("config", *arguments, env={"IMAGE_PINNER_ECR_ROLES": external_id})
        assert run.code == 0
        assert "hunter2" not in run.text
        assert 'ecr-roles = ["111122223333=[hidden]"]' in run.text
    assert 'parameter-overrides = ["Password=[hidden]"]' in image_pinner("config").text


def test_an_invalid_variable_is_an_error_that_does_not_show_it() -> None:
    run = image_pinner("config", env={"IMAGE_PINNER_MIRRORS": "docker.io=user:hunter2@mirror"})

    assert (run.code, run.out) == (2, b"")
    assert "invalid IMAGE_PINNER_MIRRORS" in run.err
    assert "hunter2" not in run.err


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        (("pni",), "unknown subcommand 'pni' (did you mean 'pin'?)"),
        (("pin", "--outptu", "x"), "unknown option '--outptu' (did you mean '--output'?)"),
        (("pin", "--timeout", "0"), "invalid value for '--timeout': 0.0 is not in the range 1<=x<=900"),
    ],
)
def test_an_invalid_command_line_is_an_error(arguments: tuple[str, ...], cause: str) -> None:
    run = image_pinner("config", *arguments)

    assert (run.code, run.out) == (2, b"")
    assert run.err.startswith(f"error: {cause}\n")


def test_the_text_is_valid_toml_that_means_the_same(folder: Path) -> None:
    saved(
        folder,
        "image-paths = ['$.A', '$.\"é\"']\nmirrors = {'docker.io' = 'm.example'}\n"
        "timeout = 5\nmetered-registries = []\n"
        "[update]\ncheck = true\naccount = '111122223333'\n",
        FILE,
    )
    first = image_pinner("config").text
    assert f"timeout = 5.0  # {FILE}:3\n" in first
    assert "# platform is not set\n" in first
    assert 'macro-name = "ImagePinner"  # default\n' in first

    saved(folder, first, FILE)

    def values(text: str) -> list[str]:
        return [line.partition("  #")[0] for line in text.splitlines()]

    assert values(image_pinner("config").text) == values(first)


def _commands() -> list[tuple[str, click.Command]]:
    context = click.Context(command)
    found = [(name, one) for name in SUBCOMMANDS if (one := command.get_command(context, name))]
    return found + [(f"{name} {key}", one) for name, outer in found for key, one in nested_commands(outer).items()]


def test_every_setting_has_a_key_and_its_default_is_valid() -> None:
    keys = setting_keys()
    assert len(keys) == len(SETTING_RULES)
    assert not any("_" in name or name != name.lower() for name in keys)
    for name, form in (("pull-through", Form.BOOLEAN), ("timeout", Form.NUMBER), ("workers", Form.INTEGER)):
        assert keys[name].form is form
    for name, form in (("image-paths", Form.LIST), ("mirrors", Form.ENTRIES), ("platform", Form.STRING)):
        assert keys[name].form is form


@pytest.mark.parametrize(("name", "one"), _commands(), ids=[name for name, _ in _commands()])
def test_the_options_of_every_subcommand_are_shown(name: str, one: click.Command) -> None:
    run = image_pinner("config", *name.split())

    assert (run.code, run.err) == (0, "")
    assert f"\n[{name.replace(' ', '.')}]\n" in run.text
    assert all(f"\n{key} = " in run.text or f"\n# {key} is not set\n" in run.text for key in option_keys(one))


@pytest.mark.parametrize(("name", "one"), _commands(), ids=[name for name, _ in _commands()])
def test_no_option_has_the_name_of_a_nested_table_and_all_have_a_meaning(name: str, one: click.Command) -> None:
    keys = option_keys(one)
    assert not keys.keys() & nested_commands(one).keys(), name
    assert all(key.meaning for key in keys.values())


@pytest.mark.parametrize(
    ("name", "value", "variable"),
    [
        ("metered-registries", [], "none"),
        ("image-paths", [], ""),
        ("image-paths", ["$.A", "$.B"], "$.A;$.B"),
        ("mirrors", {"docker.io": "m.example", "*": "n.example"}, "docker.io=m.example;*=n.example"),
        ("mirrors", {"docker": {"io": "m.example"}}, "docker.io=m.example"),
        ("mirrors", ["docker.io=m.example"], "docker.io=m.example"),
        ("template-credentials", {"r.example": ["arn:aws:ssm:*:*:parameter/a", "arn:aws:ssm:*:*:parameter/b"]}, None),
        (
            "gates",
            {"age": {"minimum": "3d", "mode": "warn"}, "tags": {"deny": ["latest", "dev-*"]}},
            "age.minimum=3d;age.mode=warn;tags.deny=latest;tags.deny=dev-*",
        ),
        ("gates", ["age.minimum=3d"], "age.minimum=3d"),
        ("gates-parameter", "/image-pinner/gates", "/image-pinner/gates"),
        ("denial-events", True, "true"),
        ("pull-through", True, "true"),
        ("timeout", 1.5, "1.5"),
        ("timeout", 60, "60"),
        ("event-bus", "", ""),
    ],
)
def test_a_value_of_the_file_is_that_of_the_variable(name: str, value: Any, variable: str | None) -> None:
    key = setting_keys()[name]
    text = setting_text(key, value)

    assert key.form.accepts(value)
    if variable is None:
        assert text == "r.example=arn:aws:ssm:*:*:parameter/a;r.example=arn:aws:ssm:*:*:parameter/b"
    else:
        assert text == variable
    if text:
        Settings.from_environment({key.source.variable: text})  # type: ignore[union-attr]
