"""Draw the comparison of a recomputed decision with the recorded one."""

import hashlib
import json
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from pointsman.cli.formats import printable
from pointsman.cli.show.decisions.trace import labelled
from pointsman.router.policy.recompute import difference
from pointsman.router.recorded.recorded_decision import Recomputed


def recomputed(comparison: Recomputed) -> RenderableType:
    """Draw what was compared, and the differences as a diff."""
    facts = labelled()
    facts.add_row("job", str(comparison.job_id))
    facts.add_row("policy", comparison.policy_version)
    facts.add_row("model", comparison.model or "none: rules alone decided")
    if comparison.same:
        digest = hashlib.sha256(comparison.recomputed).hexdigest()
        facts.add_row(
            "recomputed", Text(f"the same, {len(comparison.recomputed):,} bytes of SHA-256 {digest}", "green")
        )
        return facts
    facts.add_row("recomputed", Text("not the decision on record", "red"))
    return Group(facts, Text(), *map(_line, difference(comparison.recorded, comparison.recomputed)))


def flat(comparison: Recomputed) -> dict[str, Any]:
    """Return the comparison as JSON values."""
    return {
        "job_id": comparison.job_id,
        "policy_version": comparison.policy_version,
        "model": comparison.model,
        "same": comparison.same,
        "recorded": json.loads(comparison.recorded),
        "again": json.loads(comparison.recomputed),
    }


_COLOURS = {"+": "green", "-": "red", "@": "dim"}


def _line(line: str) -> Text:
    """Format a line of a diff with its indentation, without control characters."""
    indent = line[: len(line) - len(line.lstrip(" +-"))]
    return Text(indent + printable(line[len(indent) :]), _COLOURS.get(line[:1], ""))
