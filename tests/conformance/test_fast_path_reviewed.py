"""A job that may need a review always takes the full path, even if similar jobs do not."""

from pointsman import starter
from pointsman.bus.codec.records import Incoming
from pointsman.router.handlers import RouterHandler
from pointsman.router.policy.policy import Policy
from pointsman.router.policy.policy_file import parse
from tests.support.router.fast_path import (
    by_fast_path,
    by_full_path,
    count_bundled,
    fast_handler,
    needs_library,
    registered,
)
from tests.support.router.router_lanes import POLICY, incoming

pytestmark = needs_library

AGENTS = """
unregistered: admit
agents:
  - {id: careful, owner: x, confidence: [{source: stated, above: 0.9, queue: default}]}
  - {id: careful-of-sql, owner: x, confidence: [{source: stated, above: 0.9, queue: default, kind: [sql]}]}
"""
REVIEW = """
review:
  queues: [{name: general, deadline_s: 3600}]
  thresholds: [{name: contracts, of: answer, source: stated, above: 0.95, kinds: [contract], queue: general}]
"""
REVIEWING = Policy.compile(parse(starter.POLICY.read_text("utf-8") + REVIEW, str(starter.POLICY)))


def jobs(agent: str, kind: str | None = None, start: int = 0) -> list[Incoming]:
    more = "" if kind is None else f', "kind": "{kind}"'
    return [
        incoming(f'{{"agent_id": "{agent}", "prompt": "What is {at} + 1?"{more}}}'.encode(), offset=at)
        for at in range(start, start + 20)
    ]


def repeated(known: RouterHandler, agent: str, kind: str | None = None) -> int:
    """How many of an agent's jobs take the fast path after the first twenty."""
    known.handle_records(jobs(agent, kind))
    return count_bundled(known, jobs(agent, kind, 100))


def test_jobs_of_an_agent_with_thresholds_are_left_to_the_full_path() -> None:
    known = fast_handler(POLICY, registered(AGENTS, POLICY.tiers))
    assert repeated(known, "anybody") == 20
    assert repeated(known, "careful") == 0
    assert repeated(known, "careful-of-sql", "sql") == 0
    assert repeated(known, "careful-of-sql", "mail") == 20
    assert repeated(known, "careful-of-sql", "sql") == 0, "though its mails are repeated by now"


def test_jobs_of_a_kind_with_thresholds_are_left_to_the_full_path() -> None:
    known = fast_handler(REVIEWING, registered(AGENTS, REVIEWING.tiers))
    assert repeated(known, "anybody", "mail") == 20
    assert repeated(known, "anybody", "contract") == 0


def test_both_paths_say_the_same_of_them() -> None:
    in_force = registered(AGENTS, REVIEWING.tiers)
    known = fast_handler(REVIEWING, in_force)
    for kind in ("mail", "contract", "sql"):
        for record in jobs("careful-of-sql", kind):
            (mine,) = by_fast_path(known, record)
            (theirs,) = by_full_path(REVIEWING, in_force, record)
            assert (mine.topic, mine.value) == (theirs.topic, theirs.value)
