"""Write the hashes of the files in the locked wheels of the function's libraries: part of `make lock`.

pip downloads the wheels and compares them with the hashes of the lock.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "macro"))

from build_package.libraries import CONTENTS, hash_files, locked_libraries, wheel_files
from image_pinner.cli.deployment.code import LOCK

_ROOT = Path(__file__).resolve().parents[2]
_HEAD = "# The SHA-256 of the files in the wheels that lambda.txt locks. Written by `make lock`.\n"
_DOWNLOAD = ("download", "--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps")


def read_contents(lock: str) -> str:
    """Download the wheels of the libraries in `lock`, and return the hashes of their files."""
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for name, (version, hashes) in locked_libraries(lock).items():
            requirement = Path(folder, "requirement.txt")
            accepted = " ".join(f"--hash=sha256:{one}" for one in hashes)
            requirement.write_text(f"{name}=={version} {accepted}\n", "utf-8")
            wheels = Path(folder, name)
            subprocess.run(  # noqa: S603 - pip of the environment that locks
                [sys.executable, "-m", "pip", *_DOWNLOAD, "--only-binary", ":all:", "-d", wheels, "-r", requirement],
                check=True,
            )
            (wheel,) = wheels.iterdir()
            with zipfile.ZipFile(wheel) as archive:
                lines.append(f"{name}=={version} sha256:{hash_files(wheel_files(name, version, archive))}\n")
    return _HEAD + "".join(lines)


if __name__ == "__main__":
    (_ROOT / CONTENTS).write_text(read_contents((_ROOT / LOCK).read_text("utf-8")), "utf-8")
