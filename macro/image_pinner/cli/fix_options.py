"""The options for fixing findings, and what they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

import click

from image_pinner.cli.checking import CheckInputs, check_file
from image_pinner.cli.configuration.defaults import RunOption
from image_pinner.cli.console import Dependencies, ExitCode, print_error, print_messages, progress, write_output
from image_pinner.cli.discovery import InputFile
from image_pinner.cli.documents import write_atomically
from image_pinner.cli.fixes import FixedFile, fix_file
from image_pinner.cli.inputs import STANDARD_INPUT
from image_pinner.cli.output import LocatedFinding, exit_code
from image_pinner.core.errors import ConfigurationError, ImagePinnerError
from image_pinner.core.report import PinReport

Options = Mapping[str, Any]
_OPTIONS = (
    click.option(
        "--fix", cls=RunOption, is_flag=True, help="Fix what can be fixed in the files, and report what is left."
    ),
    click.option(
        "--diff",
        cls=RunOption,
        is_flag=True,
        help="Print what --fix would change as a unified diff, and write no file.",
    ),
    click.option(
        "--pin",
        cls=RunOption,
        is_flag=True,
        help="With --fix or --diff: pin unpinned images to digests instead of marking them.",
    ),
)


class FixRun(NamedTuple):
    """What was fixed.

    Args:
        files: The files.
        code: The most severe exit code of what failed, or that of a difference.
        output_is_taken: Whether standard output has a template or a diff.
    """

    files: tuple[FixedFile, ...] = ()
    code: ExitCode = ExitCode.DONE
    output_is_taken: bool = False

    @property
    def findings(self) -> tuple[LocatedFinding, ...]:
        """The findings that are left in all files."""
        return tuple(found for file in self.files for found in file.findings)

    @property
    def fixed(self) -> int:
        """How many findings were fixed, or would be."""
        return sum(file.fixed for file in self.files)

    @property
    def changed(self) -> int:
        """How many files were changed, or would be."""
        return sum(file.data != file.original for file in self.files)


def fix_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a subcommand; `fix_files` takes their values."""
    return reduce(lambda function, option: option(function), reversed(_OPTIONS), command)


def is_fixing(options: Options) -> bool:
    """Return whether to fix files or to show how.

    Raises:
        ConfigurationError: An option requires another one.
    """
    if options["pin"] and not (options["fix"] or options["diff"]):
        raise ConfigurationError("--pin requires --fix or --diff", "pass --fix --pin, or omit --pin")
    return bool(options["fix"] or options["diff"])


def fix_files(files: Sequence[InputFile], inputs: CheckInputs, options: Options, dependencies: Dependencies) -> FixRun:
    """Fix template files, or print how. A file that cannot be fixed keeps its findings and does not stop the others."""
    # Imported here because only --pin needs the resolvers.
    from image_pinner.cli.pin_fixes import UnpinnedImages  # noqa: PLC0415

    images = UnpinnedImages.read(options, dependencies) if options["pin"] else None
    fixed, code = list[FixedFile](), ExitCode.DONE
    for file in files:
        try:
            with progress("resolving digests"):
                result = fix_file(file, inputs, images.pin if images else None)
            _write(result, file.path, options)
        except ImagePinnerError as error:
            print_error(error.cause, error.help)
            code = ExitCode.USAGE_ERROR
            if file.path != STANDARD_INPUT:
                fixed.append(FixedFile(file.name, b"", b"", 0, check_file(file, inputs)))
        else:
            fixed.append(result)
    if images:
        print_messages(images.messages)
    if code is ExitCode.DONE and images:
        code = exit_code(PinReport(problems=tuple(images.problems)))
    run = FixRun(tuple(fixed), code, options["diff"] or any(file.path == STANDARD_INPUT for file in files))
    return run._replace(code=ExitCode.FINDINGS) if options["diff"] and run.changed and not code else run


def _write(file: FixedFile, path: str, options: Options) -> None:
    if options["diff"]:
        write_output(file.diff().encode())
    elif path == STANDARD_INPUT:
        write_output(file.data)
    elif file.data != file.original:
        write_atomically(Path(path), file.data)
