"""Which configuration file is read, and what its errors look like."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from image_pinner.cli.configuration.files import find_configuration_file, read_configuration_file
from image_pinner.cli.main import SUBCOMMANDS
from support.command import Run, image_pinner
from unit.cli.cli_templates import MARKED, digest, saved


def _in(folder: Path, monkeypatch: pytest.MonkeyPatch, **files: str) -> Path:
    """Write files, with `_` for `.` and `-` in their names, and make the folder the working directory."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        saved(folder, text, {"own": "image-pinner.toml", "project": "pyproject.toml"}[name])
    monkeypatch.chdir(folder)
    return folder


def _error(run: Run) -> str:
    assert (run.code, run.out) == (2, b"")
    error, help_ = run.err.splitlines()
    assert help_.startswith("help: ")
    return error.removeprefix("error: ")


def _setting(name: str, *options: str) -> tuple[object, str]:
    run = image_pinner(*options, "config", "--format", "json")
    assert run.code == 0, run.err
    found = json.loads(run.text)["settings"][name]
    return found["value"], found["location"]


def test_without_a_file_the_defaults_apply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _in(tmp_path, monkeypatch)

    assert find_configuration_file() is None
    assert _setting("workers") == (20, "")


def test_the_closest_file_above_the_working_directory_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _in(tmp_path, monkeypatch, own="workers = 3")
    _in(tmp_path / "a" / "b", monkeypatch)
    assert _setting("workers") == (3, "../../image-pinner.toml:1")

    _in(tmp_path / "a", monkeypatch, own="\nworkers = 4")
    _in(tmp_path / "a" / "b", monkeypatch)
    assert _setting("workers") == (4, "../image-pinner.toml:2")


def test_files_are_not_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _in(tmp_path, monkeypatch, own="workers = 3\ntimeout = 5")
    _in(tmp_path / "a", monkeypatch, own="workers = 4")

    assert _setting("timeout") == (60.0, "")


def test_a_table_in_pyproject_toml_is_read_unless_image_pinner_toml_is_next_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _in(tmp_path, monkeypatch, project="[project]\nname = 'x'\n\n[tool.image-pinner]\nworkers = 3")
    assert _setting("workers") == (3, "pyproject.toml:5")

    _in(tmp_path, monkeypatch, own="workers = 4")
    assert _setting("workers") == (4, "image-pinner.toml:1")


@pytest.mark.parametrize(
    "project",
    ["", "[tool.other]\nx = 1", "[project]\ndependencies = ['image-pinner']", "tool = 'image-pinner'", "not [ TOML"],
)
def test_a_pyproject_toml_without_the_table_is_passed_over(
    project: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _in(tmp_path, monkeypatch, own="workers = 3")
    _in(tmp_path / "a", monkeypatch, project=project)

    assert _setting("workers") == (3, "../image-pinner.toml:1")


def test_the_options_of_the_command_select_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _in(tmp_path, monkeypatch, own="workers = 3", project="[tool.image-pinner]\nworkers = 4")
    saved(tmp_path, "workers = 5", "other.toml")

    assert _setting("workers", "--config", "other.toml") == (5, "other.toml:1")
    assert _setting("workers", "--config", "pyproject.toml") == (4, "pyproject.toml:2")
    assert _setting("workers", "--no-config") == (20, "")


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        # The variable of a pipeline that is not set.
        (("--config", ""), "cannot read .: it is a directory"),
        (("--config", "none.toml"), "cannot read none.toml: no such file or directory"),
        (("--config", "pyproject.toml"), "pyproject.toml has no table [tool.image-pinner]"),
        (("--config", "image-pinner.toml", "--no-config"), "--config cannot be used with --no-config"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error(
    options: tuple[str, ...], cause: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _in(tmp_path, monkeypatch, own="workers = 3", project="[project]\nname = 'x'")

    assert _error(image_pinner(*options, "config")) == cause


INVALID = {
    "worker = 3": "image-pinner.toml:1: unknown key 'worker' (did you mean 'workers'?)",
    "# a comment\n\nimage_paths = []": "image-pinner.toml:3: unknown key 'image_paths' (did you mean 'image-paths'?)",
    "[chek]\nformat = 'json'": "image-pinner.toml:1: unknown key 'chek' (did you mean 'check'?)",
    "workers = 'many'": "image-pinner.toml:1: 'workers' must be an integer, got a string",
    "workers = true": "image-pinner.toml:1: 'workers' must be an integer, got a boolean",
    "workers = 3.5": "image-pinner.toml:1: 'workers' must be an integer, got a number",
    "workers = 0": "image-pinner.toml:1: invalid workers",
    "timeout = '60'": "image-pinner.toml:1: 'timeout' must be a number, got a string",
    "timeout = 0.5": "image-pinner.toml:1: invalid timeout",
    "timeout = nan": "image-pinner.toml:1: invalid timeout",
    "pull-through = 'true'": "image-pinner.toml:1: 'pull-through' must be true or false, got a string",
    "pin = 'Skip'": "image-pinner.toml:1: invalid pin",
    "image-paths = '$.A'": "image-pinner.toml:1: 'image-paths' must be a list of strings, got a string",
    "image-paths = [\n  '$.A',\n  '$..[',\n]": "image-pinner.toml:1: invalid image-paths",
    "image-paths = ['$.A;$.B']": "image-pinner.toml:1: invalid image-paths",
    "image-paths = {a = '$.A'}": "image-pinner.toml:1: 'image-paths' must be a list of strings, got a table",
    "mirrors = 1": "image-pinner.toml:1: 'mirrors' must be a table of strings, or a list of strings, got an integer",
    "mirrors = {'docker.io' = 'user:secret@mirror'}": "image-pinner.toml:1: invalid mirrors",
    "mirrors.a = {b = 1.5}": (
        "image-pinner.toml:1: 'mirrors' must be a table of strings, or a list of strings, got a table"
    ),
    "event-bus = 1979-05-27": "image-pinner.toml:1: 'event-bus' must be a string, got a date or time",
    "pull-through = true\ncheck = 1": "image-pinner.toml:2: 'check' must be a table, got an integer",
    "settings = 1": "image-pinner.toml:1: 'settings' must be a table, got an integer",
    "[settings]\nworker = 1": "image-pinner.toml:2: unknown key 'worker' in [settings] (did you mean 'workers'?)",
    "[settings]\nworkers = 0": "image-pinner.toml:2: invalid workers",
    "[check]\nformt = 'json'": "image-pinner.toml:2: unknown key 'formt' in [check] (did you mean 'format'?)",
    "[check]\nformat = 'xml'": "image-pinner.toml:2: invalid format: 'xml' is not one of ",
    "[check]\nimage-path = ['$.A']": (
        "image-pinner.toml:2: unknown key 'image-path' in [check] (did you mean 'image-paths'?)"
    ),
    "[check]\nmax-images = 'a'": "image-pinner.toml:2: 'max-images' must be an integer, got a string",
    "[lock.publish]\nforced = true": (
        "image-pinner.toml:2: unknown key 'forced' in [lock.publish] (did you mean 'force'?)"
    ),
    "[lock.publish]\nworkers = 3": "image-pinner.toml:2: unknown key 'workers' in [lock.publish]",
    "[pin]\nkeep-tag = 'yes'": "image-pinner.toml:2: 'keep-tag' must be true or false, got a string",
    "[pin]\nparameters = 'p.json'": "image-pinner.toml:2: 'parameters' must be a list of strings, got a string",
    "[pin.parameter]\nTag = 1.5": (
        "image-pinner.toml:1: 'parameter' must be a table of strings, or a list of strings, got a table"
    ),
    "[install]\nyes = true": "image-pinner.toml:2: unknown key 'yes' in [install]",
    "[check]\nfix = true": "image-pinner.toml:2: unknown key 'fix' in [check]",
    "[check]\ndiff = true": "image-pinner.toml:2: unknown key 'diff' in [check]",
    "[check]\npin = true": "image-pinner.toml:2: 'pin' must be a string, got a boolean",
    "[check]\noutput = '../x'": "image-pinner.toml:2: unknown key 'output' in [check]",
    "[check]\nupdate-baseline = true": "image-pinner.toml:2: unknown key 'update-baseline' in [check]",
    "event-bus = " + "[" * 5_000: "image-pinner.toml is not valid TOML: ",
    "workers = ": "image-pinner.toml is not valid TOML: ",
    "workers = 1\nworkers = 2": "image-pinner.toml is not valid TOML: ",
}


@pytest.mark.parametrize(("text", "cause"), INVALID.items(), ids=[text[:60] for text in INVALID])
def test_an_invalid_file_is_an_error_with_its_line(
    text: str, cause: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _in(tmp_path, monkeypatch, own=text)

    assert _error(image_pinner("config")).startswith(cause)


def test_an_error_in_pyproject_toml_has_its_line_and_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _in(tmp_path, monkeypatch, project="[tool.other]\nformt = 1\n[tool.image-pinner.check]\nformt = 'json'")

    cause = "pyproject.toml:4: unknown key 'formt' in [tool.image-pinner.check] (did you mean 'format'?)"
    assert _error(image_pinner("check", "x.yaml")) == cause


def test_a_password_in_an_invalid_value_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _in(tmp_path, monkeypatch, own="credentials = {'registry.example' = 'user:hunter2'}")

    assert "hunter2" not in image_pinner("config").err


def test_bytes_that_are_not_utf_8_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path, b"event-bus = '\xff'", "image-pinner.toml")
    monkeypatch.chdir(tmp_path)

    assert _error(image_pinner("config")).startswith("image-pinner.toml is not valid TOML: ")


@pytest.mark.parametrize("option", ["--config", "--no-config"])
def test_an_option_for_the_file_after_the_subcommand_is_an_error(option: str) -> None:
    run = image_pinner("check", option, "x")

    assert _error(run) == f"{option} is not an option of a subcommand"
    assert "help: write it before the subcommand\n" in run.err


@pytest.mark.parametrize("subcommand", sorted(SUBCOMMANDS.keys() - {"completion"}))
def test_every_subcommand_reads_the_file(subcommand: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _in(tmp_path, monkeypatch, own="worker = 3")

    cause = "image-pinner.toml:1: unknown key 'worker' (did you mean 'workers'?)"
    assert _error(image_pinner(subcommand, "x.yaml")) == cause
    assert image_pinner("--no-config", subcommand, "--help").code == 0


@pytest.mark.parametrize("arguments", [("pin", "--help"), ("pin", "x.yaml", "-h"), ("completion", "zsh"), ("--help",)])
def test_help_and_completion_work_with_an_invalid_file(
    arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _in(tmp_path, monkeypatch, own="worker = 3")

    assert image_pinner(*arguments).code == 0


def test_a_template_can_be_named_like_the_help_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _in(tmp_path, monkeypatch, own="worker = 3")

    assert "unknown key" in _error(image_pinner("check", "--", "--help"))


def test_the_table_of_another_subcommand_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _in(tmp_path, monkeypatch, own="[check]\nformt = 'json'")
    saved(tmp_path, MARKED)

    assert image_pinner("pin", "template.yaml").code == 0
    assert image_pinner("check", "template.yaml").code == 2


def test_relative_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["values.json", f"file://{tmp_path / 'values.json'}", str(tmp_path / "values.json")]
    saved(tmp_path, MARKED)
    saved(tmp_path, '{"Tag": "2.0"}', "values.json")
    for name in [*names, "file://values.json"]:
        _in(tmp_path, monkeypatch, own=f"[pin]\nparameters = ['{name}']\n")
        _in(tmp_path / "a", monkeypatch)

        run = image_pinner("pin", "../template.yaml")

        assert digest("docker.io/shop/web:2.0") in run.text, run.err


def test_standard_input_is_not_a_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _in(tmp_path, monkeypatch, own="[pin]\nparameters = ['-']\n")
    saved(tmp_path, MARKED)
    _in(tmp_path / "a", monkeypatch)

    run = image_pinner("pin", "../template.yaml", stdin=b'{"Tag": "2.0"}')

    assert digest("docker.io/shop/web:2.0") in run.text


@pytest.mark.parametrize(
    ("text", "keys", "line"),
    [
        ("a = 1\nb = 2", ("b",), 2),
        ("a = '''\nb = 1\n'''\nb = 2", ("b",), 4),
        ("a = [\n  1,\n]\n\nb = [\n  2,\n]", ("b",), 5),
        ("[a]\nx = 1\n[b]\nx = 2", ("b", "x"), 4),
        ("[a]\nx = 1\n[b]\nx = 2", ("b",), 3),
        ("a = {x = 1, y = 2}", ("a", "y"), 1),
        ('"b" = 1', ("b",), 1),
        ('"\\u0062" = 1', ("b",), 0),
        ("[x]\nb = 1\na = '''\n" + "b = 2\n" * 200 + "'''\n[y]\nb = 3", ("x", "b"), 2),
        ("a = '''\n" + "b = 2\n" * 200 + "'''\nb = 3", ("b",), 0),
    ],
)
def test_the_line_of_a_value_is_found(text: str, keys: tuple[str, ...], line: int, tmp_path: Path) -> None:
    path = str(saved(tmp_path, text, "x.toml"))

    assert read_configuration_file(path).location(keys) == (f"{path}:{line}" if line else path)


def test_a_deleted_working_directory_has_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _in(tmp_path / "gone", monkeypatch)
    folder.rmdir()

    assert find_configuration_file() is None
