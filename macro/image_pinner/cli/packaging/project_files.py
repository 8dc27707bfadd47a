"""The project's files that are no modules: beside the package in a checkout, inside it or its metadata in a wheel."""

from __future__ import annotations

import re
from importlib import metadata, resources
from pathlib import Path

from image_pinner.core.errors import ConfigurationError

DISTRIBUTION = "image-pinner"
_TEMPLATE = "macro.yaml"
_LOCKED = re.compile(r"^([A-Za-z0-9][\w.-]*)==([^\s;\\]+)", re.MULTILINE)


def checkout() -> Path | None:
    """Give the root of the checkout that this program runs from.

    Returns:
        The folder; None where the program was installed from a wheel.
    """
    root = Path(str(resources.files("image_pinner"))).parents[1]
    # Installed from a wheel, the package is in `site-packages`, and nothing of the project is above it.
    return root if (root / "macro" / "image_pinner").is_dir() and (root / "pyproject.toml").is_file() else None


def template_text() -> str:
    """Give the template that installs the macro, deploy/macro.yaml, as its authors wrote it.

    Returns:
        Its text.

    Raises:
        ConfigurationError: It is not there.
    """
    root = checkout()
    place = root / "deploy" / _TEMPLATE if root else resources.files(__package__) / _TEMPLATE
    if not place.is_file():
        raise ConfigurationError(
            f"The template {place} that installs the macro is missing",
            "Restore it in the checkout"
            if root
            else "Install ImagePinner anew: pip install --force-reinstall image-pinner",
        )
    return place.read_text(encoding="utf-8")


def license_text() -> str:
    """Give the project's license.

    Returns:
        Its text.

    Raises:
        ConfigurationError: It is not there.
    """
    root = checkout()
    if root:
        found = (root / "LICENSE").read_text(encoding="utf-8") if (root / "LICENSE").is_file() else None
    else:
        found = metadata.distribution(DISTRIBUTION).read_text("licenses/LICENSE")
    if not found:
        raise ConfigurationError("ImagePinner's license is missing", "Restore LICENSE, or install ImagePinner anew")
    return found


def locked_versions() -> dict[str, str]:
    """Give the versions of the Lambda's lock, requirements/lambda.txt.

    Returns:
        A version for each name; nothing where there is no checkout, whose lock is not what pip installs a wheel by.

    Raises:
        ConfigurationError: The checkout has no lock.
    """
    root = checkout()
    if root is None:
        return {}
    lock = root / "requirements" / "lambda.txt"
    if not lock.is_file():
        raise ConfigurationError(f"The lock {lock} is missing", "Restore it in the checkout, or write it by make lock")
    return dict(_LOCKED.findall(lock.read_text(encoding="utf-8")))
