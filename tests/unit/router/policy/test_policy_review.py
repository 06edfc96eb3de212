"""A policy's `review` section: validation, and the plan in the job."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pytest

from pointsman.router.policy.policy import Policy, decide
from pointsman.router.policy.policy_file import parse
from pointsman.router.policy.recompute import canonical, decide_again
from pointsman.runtime.yaml_file import FileError
from pointsman_schemas.control.review_plans import EntryThreshold
from pointsman_schemas.decisions import Decision
from pointsman_schemas.jobs import Job
from tests.support.text.parsed import parse_agents
from tests.support.worker.routed_jobs import AGENT, job_id

BARE = """\
name: ours
tiers: [small, medium, frontier]
default: {tier: small, reason: The cheapest.}
"""
TEXT = (
    BARE
    + """\
review:
  queues:
    - {name: general, deadline_s: 3600}
    - {name: legal, deadline_s: 7200, then: board, people: 2, reason: always}
    - {name: board, deadline_s: 86400}
  thresholds:
    - {name: clauses, of: answer, source: stated, above: 0.95, kinds: [contract], queue: legal}
    - {name: anything, of: answer, source: logprob, above: "0.50", queue: general}
"""
)
OWN = EntryThreshold(source="stated", above=Decimal("0.9"), queue="board", kind=("contract",))


def job(**fields: Any) -> Job:
    request = {"messages": [{"role": "user", "content": "How many?"}]}
    return Job.model_validate({"job_id": job_id(1), "agent_id": AGENT, "request": request, **fields})


def decided(
    text: str = TEXT, own: Iterable[EntryThreshold] = (), allowed: set[str] | None = None, **fields: Any
) -> Decision:
    return decide(Policy.compile(parse(text)), job(**fields), allowed=allowed, thresholds=own)


def planned(made: Decision) -> dict[str, str]:
    """Queues by threshold."""
    assert made.review is not None
    return {threshold.name: threshold.queue for threshold in made.review.thresholds}


def queues(made: Decision) -> list[str]:
    assert made.review is not None
    return [queue.name for queue in made.review.queues]


def changed(before: str, after: str) -> str:
    assert before in TEXT
    return TEXT.replace(before, after, 1)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            changed("queue: legal", "queue: leagl"),
            "policy.yaml:10:90: review.thresholds[0].queue: unknown queue `leagl`; the policy's queues are "
            "general, legal, board",
        ),
        (
            changed("then: board", "then: nobody"),
            "policy.yaml:7:45: review.queues[1].then: unknown queue `nobody`",
        ),
        (
            changed("deadline_s: 86400", "deadline_s: 86400, then: legal"),
            "policy.yaml:7:45: review.queues[1].then: goes round: legal -> board -> legal",
        ),
        (
            changed("deadline_s: 3600", "deadline_s: 3600, then: general"),
            "policy.yaml:6:47: review.queues[0].then: goes round: general -> general",
        ),
        (
            changed("name: legal", "name: general"),
            "policy.yaml:7:14: review.queues[1].name: there is",
        ),
        (
            changed("name: anything", "name: clauses"),
            "policy.yaml:11:14: review.thresholds[1].name: there is a threshold `clauses` above",
        ),
        (
            changed("name: anything", "name: agent"),
            "policy.yaml:11:14: review.thresholds[1].name: `agent`",
        ),
        (changed("0.95", "1.5"), "policy.yaml:10:58: review.thresholds[0].above: must be less than or equal"),
        (changed("0.95", "NaN"), "policy.yaml:10:58: review.thresholds[0].above: must be"),
        (changed("0.95", "sure"), "policy.yaml:10:58: review.thresholds[0].above: must be"),
        (changed("0.95", "true"), "policy.yaml:10:58: review.thresholds[0].above"),
        (changed("0.95", "0.1234567890123456789"), "policy.yaml:10:58: review.thresholds[0].above"),
        (
            changed("source: stated", "source: score"),
            "policy.yaml:10:43: review.thresholds[0].source: `score` is not a confidence of the answer",
        ),
        (
            changed("of: answer, source: stated", "of: routing, source: stated"),
            "policy.yaml:10:44: review.thresholds[0].source: `stated` is not a confidence of the routing",
        ),
        (changed("deadline_s: 3600", "deadline_s: 1"), "policy.yaml:6:35: review.queues[0].deadline_s"),
        (BARE + "review: {thresholds: []}\n", "policy.yaml:4:9: review: `queues` is missing"),
    ],
)
def test_all_errors_are_reported_with_their_place(text: str, problem: str) -> None:
    with pytest.raises(FileError) as caught:
        parse(text)
    assert [line for line in caught.value.problems if line.startswith(problem)], caught.value.problems


def test_the_plan_has_the_thresholds_of_the_jobs_kind_and_the_queues_that_they_reach() -> None:
    made = decided(kind="contract")
    assert planned(made) == {"clauses": "legal", "anything": "general"}
    assert queues(made) == ["general", "legal", "board"]
    assert made.review.tiers == ("small", "medium", "frontier")
    other = decided(kind="mail", allowed={"medium", "small"})
    assert planned(other) == {"anything": "general"}
    assert queues(other) == ["general"]
    assert other.review.tiers == ("small", "medium")


def test_a_job_for_which_no_threshold_holds_has_no_plan() -> None:
    text = changed('    - {name: anything, of: answer, source: logprob, above: "0.50", queue: general}\n', "")
    assert decided(text, kind="mail").review is None
    assert decided(BARE).review is None


@pytest.mark.parametrize(
    ("written", "threshold"),
    [
        ("0.95", "0.95"),
        ('"0.95"', "0.95"),
        ("0.950000000000000001", "0.950000000000000001"),  # a float would make 0.95 of it
        ("0.9499999999999999999e0", None),
        ("1", "1"),
        (".5", "0.5"),
    ],
)
def test_a_threshold_is_read_exactly(written: str, threshold: str | None) -> None:
    text = changed("above: 0.95", f"above: {written}")
    if threshold is None:  # more digits than a threshold has: refused, not rounded
        with pytest.raises(FileError):
            parse(text)
        return
    made = decided(text, kind="contract")
    assert made.review.thresholds[0].above == Decimal(threshold)


def test_the_version_covers_every_threshold() -> None:
    versions = {
        parse(text).version
        for text in (
            TEXT,
            BARE,
            changed("above: 0.95", "above: 0.950000000000000001"),
            changed("people: 2, ", ""),
            changed("kinds: [contract], ", ""),
        )
    }
    assert len(versions) == 5
    assert parse(changed("above: 0.95", 'above: "0.95"')).version == parse(TEXT).version


def test_the_agents_own_thresholds_hold_beside_the_policys() -> None:
    assert planned(decided(own=[OWN], kind="contract")) == {
        "clauses": "legal",
        "anything": "general",
        "agent": "board",
    }
    assert "agent" not in planned(decided(own=[OWN], kind="mail"))


def test_an_entry_that_names_an_unknown_queue_is_never_without_one() -> None:
    lost = OWN.model_copy(update={"queue": "closed-down"})
    assert planned(decided(own=[lost], kind="contract"))["agent"] == "general", "the policy's first"
    bare = decided(BARE, own=[lost], kind="contract")
    assert planned(bare) == {"agent": "default"}
    (queue,) = bare.review.queues
    assert (queue.name, queue.deadline_s, queue.then) == ("default", 4 * 3600, None)


@pytest.mark.parametrize("text", [TEXT, BARE])
def test_the_decision_is_recomputed_from_recorded_data(text: str) -> None:
    made = decided(text, own=[OWN, OWN.model_copy(update={"queue": "gone"})], kind="contract")
    recorded = Decision.model_validate_json(made.model_dump_json())
    again = decide_again(Policy.compile(parse(text)), job(kind="contract"), recorded)
    assert canonical(again) == canonical(made)


def test_the_confidence_of_a_route_is_in_the_checks() -> None:
    routing = "    - {name: routes, of: routing, source: score, above: 0.9, queue: general}\n"
    made = decided(TEXT + routing)
    assert made.checks[-1].model_dump() == {
        "layer": "confidence",
        "name": "routes",
        "passed": False,
        "detail": "score: the learned score did not choose the tier",
    }


AGENTS = """\
unregistered: admit
agents:
  - {id: one, owner: x, reviews: [legal, leagl]}
  - {id: two, owner: x, confidence: [{source: stated, above: 0.9, queue: leagl}]}
  - {id: three, owner: x, confidence: [{of: routing, source: stated, above: 0.9, queue: legal}]}
"""


def test_an_entry_may_only_name_the_policys_queues() -> None:
    with pytest.raises(FileError) as caught:
        parse_agents(AGENTS, ("small",), queues=["legal"])
    for problem in (
        "agents.yaml:3:34: agents[0].reviews: unknown queue `leagl`; the policy's queues are legal",
        "agents.yaml:4:37: agents[1].confidence: unknown queue `leagl`",
        "agents.yaml:5:39: agents[2].confidence: `stated` is not a confidence of the routing",
    ):
        assert [line for line in caught.value.problems if line.startswith(problem)], caught.value.problems
    text = "".join(AGENTS.splitlines(keepends=True)[:4])
    assert parse_agents(text, ("small",)).agents[1].confidence[0].queue == "leagl"
