"""A build hook of hatchling: the wheel carries the function's zip that `make package` built.

A wheel without the zip works too; only its `install` and `upgrade` need --package. The source distribution has the zip
in `dist`, so that a wheel built from it carries it as well.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class FunctionZip(BuildHookInterface[BuilderConfig]):
    """Include the zip and its manifest, or warn why they are left out."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add them to the files of the wheel or source distribution; see `BuildHookInterface`."""
        if version == "editable":
            return  # It uses the zip in the checkout.
        root = Path(self.root)
        # An isolated build has only hatchling; these modules need the standard library alone.
        sys.path.insert(0, str(root / "macro"))
        from image_pinner.cli.deployment.code import CARRIED, built_code, built_files  # noqa: PLC0415
        from image_pinner.core.errors import ConfigurationError  # noqa: PLC0415

        try:
            built_code(root)
        except ConfigurationError as error:
            cannot = f"the {self.target_name} cannot install the macro"
            self.app.display_warning(f"warning: {cannot}: {error.cause}\nhelp: {error.help}")
            return
        for path, carried in zip(built_files(root), CARRIED, strict=True):
            target = carried if self.target_name == "wheel" else path.relative_to(root).as_posix()
            build_data["force_include"][str(path)] = target
