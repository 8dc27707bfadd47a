"""Peak memory and processor time of the macro for the worst templates, each in a process of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from support.macro_process import measure
from support.worst_templates import WORST_TEMPLATES


def figures() -> Iterator[str]:
    """Measure, and yield a line for each template."""
    for name, template in WORST_TEMPLATES.items():
        text = json.dumps(template())
        start = time.process_time()
        json.dumps(json.loads(text))
        seconds = max(time.process_time() - start, 1e-6)
        measured = measure(name)
        yield (
            f"worst templates: {name}: {measured.megabytes:.0f} MB, {measured.seconds:.2f} s, "
            f"{measured.seconds / seconds:.0f} times json.loads + json.dumps of the template (target: under 200 MB)"
        )
