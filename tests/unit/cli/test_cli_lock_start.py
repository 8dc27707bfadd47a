"""A run with a lock file loads nothing that it does not need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from support.locks import entry, lock_data
from support.project import ROOT
from unit.cli.cli_templates import MARKED, saved

CODE = """\
import json, sys
from image_pinner.cli.main import main
try:
    main()
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""
NOT_NEEDED = {
    "boto3",
    "botocore",
    "difflib",
    "image_pinner.assembly",
    "image_pinner.cli.configuration.reader",
    "image_pinner.sources.ecr.resolver",
    "jsonpath_ng",
    "rich",
    "tempfile",
    "urllib3",
}


def test_pinning_from_a_lock_file_loads_no_library_for_requests(tmp_path: Path) -> None:
    """Without AWS_REGION too: the region is read from the AWS configuration only if an expression needs it."""
    (tmp_path / "images.lock.json").write_bytes(lock_data(entry("docker.io/shop/web:1.0")))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "IMAGE_PINNER_"))}
    run = subprocess.run(
        [sys.executable, "-c", CODE, "pin", str(saved(tmp_path, MARKED)), "--lock", str(tmp_path / "images.lock.json")],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(ROOT / "macro")},
    )
    assert run.returncode == 0, run.stderr
    assert "shop/web@sha256:" in run.stdout
    loaded = set(json.loads(run.stderr.splitlines()[-1]))
    assert "image_pinner.pinning" in loaded
    assert loaded & NOT_NEEDED == set()
