"""A router publishes its policy before it routes, and once only, on a real broker."""

from pathlib import Path
from random import Random

import pytest

from pointsman.bus.admin.topics import apply
from pointsman.bus.codec.decode import Decoded, decode
from pointsman.bus.errors import TopicMissingError
from pointsman.bus.read.follow import follow
from pointsman.router.policy.named_files import MAX_BYTES
from pointsman.router.policy_publisher import publish_policy
from pointsman.router.scoring.score_section import SCORE
from pointsman.runtime.clock import utc_now
from pointsman_schemas.control.policies import ModelApplied, PolicyApplied
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka
from tests.support.router.decided import job_ids, routed, store
from tests.support.router.fixed_score import fixed_score
from tests.support.router.scored_policy import TEXT, scored_file
from tests.support.router.tiny_model import tiny_model
from tests.support.running.command import Command
from tests.support.store.audit_store import as_auditor

pytestmark = pytest.mark.stack

#: A model of the maximum size, made of incompressible bytes.
FILE = scored_file(fixed_score({}), content=Random(7).randbytes(MAX_BYTES))


async def test_several_starting_routers_write_policy_and_model_once(kafka: Kafka) -> None:
    topics = Topics(kafka.prefix)
    await apply(kafka.settings, [topics.policy])
    written = [await publish_policy(kafka.settings, topics, FILE, TEXT, utc_now) for _ in range(3)]
    assert written == [2, 0, 0]
    records = follow(kafka.settings, [topics.policy.name], start="beginning", until_end=True)
    read = [decode(record) async for record in records]
    messages = [decoded.message for decoded in read if isinstance(decoded, Decoded)]
    assert [type(message) for message in messages] == [ModelApplied, PolicyApplied]


async def test_a_router_without_the_policy_topic_reports_it(kafka: Kafka) -> None:
    with pytest.raises(TopicMissingError):
        await publish_policy(kafka.settings, Topics(kafka.prefix), FILE, TEXT, utc_now)


async def test_a_policy_deleted_from_the_database_is_found_on_the_topic(
    kafka: Kafka, database: str, tmp_path: Path
) -> None:
    topics = Topics(kafka.prefix)
    await apply(kafka.settings, [topics.policy])
    file = scored_file(SCORE.read(tiny_model()).model, content=tiny_model())
    await publish_policy(kafka.settings, topics, file, TEXT, utc_now)
    *_, routed_job = routed(file, TEXT, ["please add the numbers 5 and seven"])
    await store(database, [routed_job])
    (job,) = job_ids([routed_job])
    pointsman = Command(
        tmp_path,
        {
            "POINTSMAN_KAFKA": kafka.bootstrap,
            "POINTSMAN_PREFIX": kafka.prefix,
            "POINTSMAN_POSTGRES": as_auditor(database),
        },
    )
    again = await pointsman.run("why", str(job), "--recompute")
    assert again.code == 0, again.out + again.err
    assert "what tiny@" in (await pointsman.run("why", str(job))).out
