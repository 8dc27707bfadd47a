"""Files of the project that are not modules: in a checkout next to the package, in a wheel inside it."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from image_pinner import __version__
from image_pinner.core.errors import ConfigurationError

ZIP_NAME = f"image-pinner-{__version__}.zip"
LOCK = "requirements/lambda.txt"
LEFT_OUT = ("image_pinner/cli/", "image_pinner/core/check.py")
"""What the function never loads and its zip leaves out."""
_TEMPLATE = "macro.yaml"
_KINDS = (".py", ".toml")


def checkout() -> Path | None:
    """Return the root of the checkout that this program runs from; None if it is installed from a wheel."""
    root = Path(str(resources.files("image_pinner"))).parents[1]
    # Above an installed package is only `site-packages`.
    return root if (root / "macro" / "image_pinner").is_dir() and (root / "pyproject.toml").is_file() else None


def template_text() -> str:
    """Return the text of deploy/macro.yaml.

    Raises:
        ConfigurationError: It is missing.
    """
    root = checkout()
    path = root / "deploy" / _TEMPLATE if root else resources.files(__package__) / _TEMPLATE
    if not path.is_file():
        raise ConfigurationError(
            f"cannot read the macro's template: {path} is missing",
            "Restore it in the checkout" if root else "Reinstall: pip install --force-reinstall image-pinner",
        )
    return path.read_text(encoding="utf-8")


def own_files(root: Path) -> dict[str, bytes]:
    """Read the files of the checkout `root` that go into the function's zip, by their path in the zip.

    Raises:
        ConfigurationError: One cannot be read.
    """
    source = root / "macro"
    paths = {path.relative_to(source).as_posix(): path for path in (source / "image_pinner").rglob("*")}
    packed = {name: path for name, path in paths.items() if name.endswith(_KINDS) and not name.startswith(LEFT_OUT)}
    try:
        return {name: path.read_bytes() for name, path in [("LICENSE", root / "LICENSE"), *packed.items()]}
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {error.filename}: {error.strerror}", "Restore it in the checkout"
        ) from error
