"""Run one target with the coverage-guided fuzzer atheris; `make fuzz` runs this in a process per target.

https://github.com/google/atheris. The arguments after the name of the target are options of libFuzzer:
https://llvm.org/docs/LibFuzzer.html#options
"""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))

# Only the coverage of the package guides the fuzzer.
with atheris.instrument_imports(include=["image_pinner"]):
    from fuzz.targets import PLANTED, TARGETS

_STRUCTURED_SHARE = 0.5


def main() -> None:
    """Run the target in the first argument until the time is up or it fails."""
    target = PLANTED if sys.argv[1] == PLANTED.name else TARGETS[sys.argv[1]]

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        random = Random(seed)
        if random.random() < _STRUCTURED_SHARE:
            return target.mutate(data, random)[:max_size]
        return atheris.Mutate(data, max_size)

    atheris.Setup([sys.argv[0], *sys.argv[2:]], target.run, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
