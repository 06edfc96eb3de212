"""Decisions that were made before, for jobs that differ only in what no rule looks at.

A policy sees a handful of facts. Two jobs that agree in all of them, and whose lengths fall between the same
bounds, get the same decision but for the number of characters in its words. So it is worked out for two
lengths; from then on only the length is filled in.

Invariants:
- For another length than the one it came from, a plan is used once a second decision, worked out for such a
  length, came out exactly as the plan has it.
- A decision that looked at the text itself (a score) never becomes a plan.
"""

from bisect import bisect_right
from typing import NamedTuple

from pointsman.bus.ordinary import Ordinary
from pointsman.router.agents_file import Registry
from pointsman.router.facts import count_tools, format_of
from pointsman.router.policy import Policy
from pointsman_schemas.decisions import Decision

#: So many are kept; beyond it all are forgotten, and learnt again.
KEPT = 5_000
#: Of a job with a longer text in what rules look at nothing is kept: anybody may write anything there.
_LONGEST = 256

_NOT_GIVEN = object()


class Plan(NamedTuple):
    """A decision as JSON, in pieces between which the length stands."""

    tier: str
    rule: str
    pieces: tuple[bytes, ...]

    def decision(self, chars: int) -> bytes:
        """The decision for a job of `chars` characters."""
        return _words(chars).join(self.pieces)


class Plans:
    """What one policy and one registry made of the jobs so far."""

    def __init__(self, policy: Policy, registry: Registry, kept: int = KEPT) -> None:
        self._bounds = length_bounds(policy, registry)
        self._metadata = policy.metadata_keys
        self._kept = kept
        self._sure: dict[tuple[object, ...], Plan] = {}
        self._unsure: dict[tuple[object, ...], tuple[int, Plan] | None] = {}

    def find(self, job: Ordinary) -> Plan | None:
        """The plan for `job`, if there is one to rely on."""
        key = self._key(job)
        if key is None:
            return None
        plan = self._sure.get(key)
        if plan is None:
            first = self._unsure.get(key)
            if first is not None and first[0] == job.chars:
                return first[1]
        return plan

    def learn(self, job: Ordinary, decision: Decision) -> None:
        """Take note of what was decided for `job`; the second time it becomes a plan."""
        key = self._key(job)
        if key is None or any(check.layer == "score" for check in decision.checks):
            return
        made = decision.__pydantic_serializer__.to_json(decision)
        if key not in self._unsure:
            if len(self._unsure) == self._kept:
                self._unsure.clear()
                self._sure.clear()
            plan = Plan(decision.tier, decision.rule, tuple(made.split(_words(job.chars))))
            self._unsure[key] = (job.chars, plan)
            return
        before = self._unsure[key]
        if before is not None and before[0] != job.chars:
            plan = before[1]
            if plan.decision(job.chars) == made:
                self._sure[key] = plan
            self._unsure[key] = None  # settled, one way or the other

    def _key(self, job: Ordinary) -> tuple[object, ...] | None:
        """Everything but the length that a policy or an agent's restrictions may look at."""
        looked_at = [job.metadata.get(name, _NOT_GIVEN) for name in self._metadata]
        if any(isinstance(each, str) and len(each) > _LONGEST for each in looked_at):
            return None
        return (
            job.agent_id,
            job.kind,
            job.tier,
            len(job.request["messages"]),
            count_tools(job.request),
            format_of(job.request.get("response_format")),
            bisect_right(self._bounds, job.chars),
            *looked_at,
            *map(type, looked_at),  # true is not 1
        )


def length_bounds(policy: Policy, registry: Registry) -> list[int]:
    """Lengths at which a rule or an agent's restriction changes, ascending."""
    restricted = [agent.max_chars + 1 for agent in registry.agents.values() if agent.max_chars is not None]
    return sorted({*policy.char_bounds, *restricted})


def _words(chars: int) -> bytes:
    """How conditions and restrictions speak of a length."""
    return b"%d characters" % chars
