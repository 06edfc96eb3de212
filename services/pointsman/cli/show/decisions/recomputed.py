"""A decision made again, and whether it is the one on record."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from rich.console import Group, RenderableType
from rich.text import Text

from pointsman.cli.formats import printable
from pointsman.cli.show.decisions.trace import labelled
from pointsman.router.policy.recompute import difference


@dataclass(frozen=True, slots=True)
class Recomputed:
    """Both decisions in their one spelling; `model` None: the policy has no score."""

    job_id: UUID
    policy_version: str
    model: str | None
    recorded: bytes
    again: bytes

    @property
    def same(self) -> bool:
        """Byte for byte."""
        return self.recorded == self.again


def recomputed(found: Recomputed) -> RenderableType:
    """What was compared, and the differences as a diff."""
    facts = labelled()
    facts.add_row("job", str(found.job_id))
    facts.add_row("policy", found.policy_version)
    facts.add_row("model", found.model or "none: rules alone decided")
    if found.same:
        digest = hashlib.sha256(found.again).hexdigest()
        facts.add_row(
            "recomputed", Text(f"the same, {len(found.again):,} bytes of SHA-256 {digest}", "green")
        )
        return facts
    facts.add_row("recomputed", Text("not the decision on record", "red"))
    return Group(facts, Text(), *map(_line, difference(found.recorded, found.again)))


def flat(found: Recomputed) -> dict[str, Any]:
    """The same for a program."""
    return {
        "job_id": found.job_id,
        "policy_version": found.policy_version,
        "model": found.model,
        "same": found.same,
        "recorded": json.loads(found.recorded),
        "again": json.loads(found.again),
    }


_COLOURS = {"+": "green", "-": "red", "@": "dim"}


def _line(line: str) -> Text:
    """A line of a diff with its indent, without anything that a terminal would obey."""
    indent = line[: len(line) - len(line.lstrip(" +-"))]
    return Text(indent + printable(line[len(indent) :]), _COLOURS.get(line[:1], ""))
