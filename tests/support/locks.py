"""Lock files for tests."""

from __future__ import annotations

import json
from typing import Any

from image_pinner.core.images.lookups import OCI_INDEX
from support.images import HEX

DIGEST = f"sha256:{HEX}"
NGINX = "docker.io/library/nginx:1.27"


def entry(image: str = NGINX, **fields: Any) -> dict[str, Any]:
    """Return an entry as JSON values; a field that is `None` is omitted."""
    required = {"digest": DIGEST, "media_type": OCI_INDEX, "resolved_at": "2026-01-31T12:00:00Z", "source": "registry"}
    found = {"image": image, **required, **fields}
    return {name: value for name, value in found.items() if value is not None}


def lock_data(*entries: Any, **sections: Any) -> bytes:
    """Return the bytes of a lock file."""
    return json.dumps({"version": 1, "images": list(entries), **sections}).encode()


HELD = {"hold": True, "reason": "1.28 loses sessions", "until": "2026-03-31"}
"""The fields of an entry that is held."""
