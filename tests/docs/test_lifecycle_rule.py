"""The lifecycle rule of the documentation keeps the images that a rule for untagged images removes."""

from __future__ import annotations

import json

from docs.documents import blocks
from image_pinner.core.gates.lifecycle import keep_tag_of
from image_pinner.core.images.lifecycle import EXPIRE, LifecycleAction, LifecyclePolicy, RepositoryImage

DIGEST = f"sha256:{'9' * 64}"
UNTAGGED = {
    "rulePriority": 2,
    "selection": {"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1},
    "action": {"type": "expire"},
}


def test_the_rule_keeps_images_with_a_keep_tag() -> None:
    (rule,) = [json.loads(block.text) for block in blocks("json") if "image-pinner-keep-" in block.text]
    tagged = RepositoryImage(DIGEST, (keep_tag_of(DIGEST),), 0)
    for rules, action in (([rule, UNTAGGED], None), ([UNTAGGED], LifecycleAction(EXPIRE, 2))):
        policy = LifecyclePolicy.of(json.dumps({"rules": rules}), [tagged])
        assert policy.find_action(tagged, 10 * 86400) == action
