"""Both paths derive the same ids, also for topics identified by their id."""

from dataclasses import replace
from uuid import UUID

import pytest

from pointsman.bus.admin.topic_seed import TopicMark
from pointsman.bus.codec.encoded_batch import EncodedBatch
from pointsman.router.fast_path import FastScore
from pointsman.router.handlers import RouterHandler
from pointsman_schemas.ids import derived_id
from tests.support.router.fast_path import by_fast_path, needs_library
from tests.support.router.router_lanes import NOW, POLICY, REGISTRY, TOPICS, incoming

JOB = b'{"agent_id": "math-tutor", "prompt": "Name three primes."}'
SEEDS = ["", *(TopicMark(UUID(int=number), False).seed(TOPICS.intake.name) for number in (1, 2))]


@needs_library
@pytest.mark.parametrize("seed", SEEDS)
def test_both_paths_derive_the_same_ids(seed: str) -> None:
    record = replace(incoming(JOB), seed=seed)
    full = RouterHandler(POLICY, REGISTRY, TOPICS, lambda: NOW).handle_records([record])
    fast = RouterHandler(
        POLICY, REGISTRY, TOPICS, lambda: NOW, fast_score=FastScore(POLICY.scorer), seed=seed
    )
    fast.handle_records([record])  # it learns
    assert [type(made) for made in fast.handle_records([record])] == [EncodedBatch]
    assert by_fast_path(fast, record) == full
    (routed,) = full
    assert routed.key == str(derived_id(seed or TOPICS.intake.name, *record.origin[1:], "job")).encode()


def test_ids_of_topics_of_one_name_differ() -> None:
    record = incoming(JOB)
    made = [
        RouterHandler(POLICY, REGISTRY, TOPICS, lambda: NOW).handle_records([replace(record, seed=seed)])[0]
        for seed in SEEDS
    ]
    ids = {
        value
        for output in made
        for name, value in output.headers
        if name in {"ce_id", "ce_jobid", "ce_causationid"}
    }
    assert len(ids) == 9
