"""Policies with a cascade: validation, the first tier, and the plan in the job."""

from typing import Any

import pytest

from pointsman.router.policy.cascade_section import AcceptFile
from pointsman.router.policy.policy import Policy, decide
from pointsman.router.policy.policy_file import PolicyFile, parse
from pointsman.router.policy.recompute import canonical, decide_again
from pointsman.runtime.yaml_file import FileError
from pointsman_schemas.decisions import Decision
from pointsman_schemas.jobs import Job
from tests.support.worker.accept_models import accept_model
from tests.support.worker.routed_jobs import AGENT, job_id

TEXT = """\
name: ours
tiers: [tiny, small, medium, frontier]
default: {tier: cascade, reason: Try the cheap ones first.}
cascade:
  tiers: [small, medium, frontier]
  accept: agreement
"""
RULES = """\
rules:
  - {name: mails, when: {kind: mail}, tier: medium, reason: Mails.}
"""


def asking(tiers: str) -> str:
    return TEXT.replace("  tiers: [small, medium, frontier]", f"  tiers: {tiers}")


def judged_by(rule: str) -> str:
    return TEXT.replace("agreement", rule)


def read_accept(name: str) -> AcceptFile:
    return AcceptFile(b"bytes", "ab" * 32, accept_model())


def read(text: str = TEXT) -> PolicyFile:
    return parse(text, read_accept=read_accept)


def job(**fields: Any) -> Job:
    request = {"messages": [{"role": "user", "content": "How many?"}]}
    wanted = {"job_id": job_id(1), "agent_id": AGENT, "request": request, **fields}
    return Job.model_validate(wanted)


def decided(text: str = TEXT, *, allowed: set[str] | None = None, **fields: Any) -> Decision:
    return decide(Policy.compile(read(text)), job(**fields), allowed=allowed)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TEXT.replace("accept: agreement", "accept: mood"), "policy.yaml:6:11: cascade.accept: must be"),
        (asking("[medium, small, frontier]"), "5:10"),
        (asking("[small, medum, frontier]"), "did you mean `medium`"),
        (asking("[small]"), "needs at least two tiers"),
        (asking("[small, frontier]"), "compares the answers of two"),
        (judged_by("logprob"), "`accept: logprob` needs `threshold`"),
        (judged_by("logprob\n  threshold: 1.5"), "7:14: cascade.threshold"),
        (TEXT + "  threshold: 0.9\n", "`threshold` is not for `accept: agreement`"),
        (judged_by("model\n  model: m.json"), "needs `quality`"),
        (judged_by("model\n  model: m.json\n  quality: 0.9"), "is not tuned for `0.9`"),
        (TEXT + "  on_failure: down\n", "7:15: cascade.on_failure"),
        (TEXT.partition("cascade:\n")[0], "3:17: default.tier: `cascade` needs a `cascade` section"),
        (TEXT.replace("[tiny, small", "[cascade, small"), "stands for several tiers in turn"),
    ],
)  # fmt: skip
def test_errors_are_reported_with_their_line(text: str, expected: str) -> None:
    with pytest.raises(FileError) as caught:
        read(text)
    assert expected in str(caught.value)


def test_an_invalid_model_is_reported() -> None:
    with pytest.raises(FileError, match=r"7:10: cascade\.model: `nowhere\.json` cannot be read"):
        parse(judged_by("model\n  model: nowhere.json\n  quality: 0.99"))


def test_the_built_in_accept_model_can_be_used() -> None:
    file = parse(judged_by("model\n  model: builtin\n  quality: 0.995"))
    plan = Policy.compile(file).cascade
    assert plan is not None and plan.model is not None
    assert (plan.model.name, plan.quality) == ("general", "0.995")


def test_a_job_starts_at_the_first_tier_with_its_plan() -> None:
    made = decided()
    assert (made.tier, made.rule) == ("small", "default")
    assert made.cascade is not None
    assert made.cascade.tiers == ("small", "medium", "frontier")
    assert (made.checks[-1].layer, made.checks[-1].passed) == ("confidence", True)
    assert made.checks[-1].detail == (
        "small, then medium, then frontier; an answer counts when small and medium say the same"
    )


def test_if_a_tier_is_not_permitted_the_job_goes_to_the_last_one() -> None:
    made = decided(allowed={"small", "frontier"})
    assert (made.tier, made.cascade) == ("frontier", None)
    assert made.checks[-1].detail == "medium is not open to this agent: straight to frontier"
    below = decided(allowed={"tiny", "small"})
    assert (below.tier, below.cascade) == ("small", None)


def test_jobs_of_an_order_key_keep_their_order() -> None:
    made = decided(order_key="customer-7")
    assert (made.tier, made.cascade) == ("frontier", None)
    assert "one after another" in made.checks[-1].detail


def test_a_score_in_doubt_falls_back_to_a_cascade() -> None:
    text = TEXT.replace("tier: cascade", "tier: scored, fallback: cascade")
    text += "score: {model: builtin, quality: 0.99, tiers: {medium: mid}}\n"
    made = decided(text, request={"messages": [{"role": "user", "content": "qzxv wvkq zzrt jjkq"}]})
    assert (made.tier, made.cascade is not None) == ("small", True)
    assert [check.layer for check in made.checks] == ["rule", "score", "confidence"]


def test_as_runner_up_a_cascade_stands_for_the_tier_where_it_begins() -> None:
    made = decided(TEXT + RULES, kind="mail")
    assert (made.tier, made.cascade) == ("medium", None)
    assert made.runner_up is not None
    assert (made.runner_up.tier, made.runner_up.rule) == ("small", "default")


def test_what_decides_counts_in_the_version_and_nothing_else_does() -> None:
    version = read().version
    assert read(judged_by("agreement # it was answer")).version == version
    assert read(judged_by("answer")).version != version
    assert read(TEXT + "  on_failure: up\n").version == version
    assert read(TEXT + "  on_failure: end\n").version != version


def test_the_decision_is_deterministic_byte_for_byte() -> None:
    policy = Policy.compile(read())
    made = decide(policy, job())
    assert canonical(decide_again(policy, job(), made)) == canonical(made)


def test_a_decision_without_a_cascade_is_written_as_it_always_was() -> None:
    made = decided(TEXT + RULES, kind="mail")
    assert "cascade" not in made.model_dump(mode="json")
