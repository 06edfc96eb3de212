"""Shadows: a fixed share of jobs, on other tiers, within a budget, and never answered to the caller."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.codec.encoded_batch import Made
from pointsman.bus.codec.records import Incoming
from pointsman.router import shadow
from pointsman.router.admission import Refused, admit
from pointsman.router.handlers import RouterHandler
from pointsman.router.policy.policy import Policy, decide
from pointsman.router.policy.policy_file import parse
from pointsman.runtime.yaml_file import FileError
from pointsman_schemas.envelope import Envelope
from pointsman_schemas.jobs import JobRouted
from pointsman_schemas.reasons import Reason
from tests.support.router.router_lanes import NOW, REGISTRY, TOPICS, incoming
from tests.unit.router.policy.test_policy import job

TEXT = """\
name: shadowed
tiers: [small, medium, frontier]
default: {tier: frontier, reason: All.}
rules:
  - {name: mails, when: {kind: mail}, tier: small, reason: Mails.}
shadow: {share: 1, tiers: [small, frontier], jobs_per_hour: 400}
"""


def handler(text: str = TEXT, now: datetime = NOW) -> RouterHandler:
    return RouterHandler(Policy.compile(parse(text)), REGISTRY, TOPICS, lambda: now)


def body(**fields: Any) -> bytes:
    return json.dumps({"agent_id": "math-tutor", "prompt": "1 + 1?", **fields}).encode()


def read(made: Made) -> tuple[JobRouted, Envelope]:
    decoded = decode(Incoming(made.topic, 0, 0, 0, made.key, made.value, tuple(made.headers)))
    assert isinstance(decoded, Decoded), decoded
    assert isinstance(decoded.message, JobRouted)
    return decoded.message, decoded.envelope


def test_a_shadow_is_a_job_of_its_own_on_the_other_tier() -> None:
    record = incoming(body(deadline=(NOW + timedelta(hours=1)).isoformat(), order_key="o", tier="frontier"))
    first, second = handler().handle_records([record])
    (job, cause), (repeated, cover) = read(first), read(second)
    assert (first.topic, second.topic) == (TOPICS.tier("frontier").name, TOPICS.tier("small").name)
    assert repeated.job.request == job.job.request
    assert repeated.job.job_id == cover.job_id != job.job.job_id
    assert second.key == str(repeated.job.job_id).encode()
    assert (repeated.job.agent_id, cover.agent_id) == (shadow.AGENT, shadow.AGENT)
    assert repeated.job.metadata == {"shadow_of": str(job.job.job_id)}
    assert (repeated.job.deadline, repeated.job.order_key, repeated.job.tier) == (None, None, None)
    assert (repeated.decision.rule, repeated.decision.policy_version) == (
        "shadow",
        job.decision.policy_version,
    )
    assert cover.causation_id == cause.causation_id
    assert cover.id != cause.id


def test_the_job_itself_is_as_it_would_be_without() -> None:
    record = incoming(body())
    plain = TEXT.partition("shadow:")[0]
    (alone,) = handler(plain).handle_records([record])
    with_shadow = handler().handle_records([record])[0]
    routed, _ = read(alone)
    shadowed, _ = read(with_shadow)
    assert (with_shadow.topic, with_shadow.key, with_shadow.headers) == (
        alone.topic,
        alone.key,
        alone.headers,
    )
    assert shadowed.job == routed.job
    assert shadowed.decision == routed.decision.model_copy(
        update={"policy_version": shadowed.decision.policy_version}
    )


@pytest.mark.parametrize(
    ("fields", "tiers"),
    [
        ({}, ["small"]),
        ({"kind": "mail"}, ["frontier"]),
        ({"agent_id": "support-desk", "kind": "mail"}, []),
        ({"prompt": "x" * 20_001}, []),
    ],
    ids=["to the cheap one", "to the dear one", "not open to the agent", "too long"],
)
def test_every_tier_that_is_listed_and_open_and_not_the_jobs_own(
    fields: dict[str, Any], tiers: list[str]
) -> None:
    made = handler().handle_records([incoming(body(**fields))])
    assert [read(record)[0].decision.tier for record in made[1:]] == tiers


def test_a_job_that_begins_a_cascade_has_one_on_that_tier_too_as_another_answer_may_count() -> None:
    text = TEXT.replace("tier: frontier", "tier: cascade")
    text += "cascade: {tiers: [small, medium, frontier], accept: agreement}\n"
    made = [
        read(handle_record)[0].decision for handle_record in handler(text).handle_records([incoming(body())])
    ]
    assert [(decision.tier, decision.rule) for decision in made] == [
        ("small", "default"),
        ("small", "shadow"),
        ("frontier", "shadow"),
    ]


def test_the_same_jobs_have_shadows_on_every_router_and_in_every_run() -> None:
    some = TEXT.replace("share: 1", "share: 0.25").replace("400", "100000")
    records = [incoming(body(), offset=place) for place in range(400)]
    made = handler(some).handle_records(records)
    assert made == handler(some).handle_records(records)
    shadows = [record for record in made if read(record)[0].decision.rule == "shadow"]
    assert 70 < len(shadows) < 130
    more = {
        handle_record.value for handle_record in handler(some.replace("0.25", "0.5")).handle_records(records)
    }
    of = {read(shadow)[0].job.metadata["shadow_of"] for shadow in shadows}
    assert of <= {str(json.loads(value or b"")["job"]["metadata"].get("shadow_of")) for value in more}


def test_the_draw_is_even_and_fixed() -> None:
    drawn = [shadow.draw(UUID(int=number)) for number in range(2_000)]
    assert drawn[0] == shadow.draw(UUID(int=0))
    assert all(0 <= number < 1 for number in drawn)
    assert sum(number < 0.1 for number in drawn) == pytest.approx(200, abs=50)


def test_the_budget_of_an_hour_ends_them_and_the_next_hour_brings_them_back() -> None:
    shadows = shadow.Shadows(parse(TEXT.replace("400", "10")).shadow, lanes=4)  # type: ignore[arg-type]
    decision = decide(Policy.compile(parse(TEXT)), job())

    def made(now: datetime) -> int:
        return sum(len(shadows.of(job(), decision, now)) for _ in range(20))

    assert made(NOW) == 3, "a quarter of the budget, rounded up"
    assert made(NOW + timedelta(minutes=59)) == 0
    assert made(NOW + timedelta(minutes=60)) == 3


def test_nobody_submits_a_job_as_the_shadows_agent() -> None:
    refused = admit(REGISTRY.at(NOW), Policy.compile(parse(TEXT)), job(agent=shadow.AGENT), NOW)
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.AGENT_NOT_ALLOWED


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("share: 1,", "share: 0,", "shadow.share: must be greater than 0"),
        ("share: 1,", "share: 2,", "shadow.share: must be less than or equal to 1"),
        ("[small, frontier],", "[small, huge],", "shadow.tiers[1]: there is no tier `huge`"),
        ("[small, frontier],", "[small, small],", "shadow.tiers: lists a tier twice"),
        (", jobs_per_hour: 400", "", "`jobs_per_hour` is missing"),
        ("name: mails", "name: shadow", "`shadow` is the name of every shadow's rule"),
    ],
)
def test_a_section_that_cannot_be_meant_is_refused(old: str, new: str, expected: str) -> None:
    assert old in TEXT
    with pytest.raises(FileError) as caught:
        parse(TEXT.replace(old, new))
    assert expected in str(caught.value)
