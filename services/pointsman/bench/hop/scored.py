"""A policy that asks the shipped score about every job, however unlike its training the job is.

The bench's jobs are made up. As it ships, the score would soon find them unlike what it knows, and leave them
to the fallback unread: that is quick, and not what is to be measured.
"""

import json
from importlib.resources import files
from pathlib import Path

from pointsman.score.model_file import FORMAT
from pointsman.score.sealed import seal

_MODEL = files("pointsman.score") / "models" / "general.json"
_POLICY = """
name: scored
tiers: [small, medium, frontier]
score: {model: general.json, quality: 0.98, tiers: {medium: mid}}
default: {tier: scored, fallback: frontier, reason: The score decides.}
rules: []
"""


def scored_policy(folder: Path) -> Path:
    """Writes it, and its model beside it."""
    body = json.loads(_MODEL.read_bytes())
    del body["sha256"]
    (folder / "general.json").write_bytes(seal({**body, "floor": 0.0, "profile": {}}, FORMAT))
    policy = folder / "scored.yaml"
    policy.write_text(_POLICY)
    return policy
