"""Queries of the audit database about review cases: their state, bottlenecks, and benefit."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from pointsman.audit.handlers import Sink
from pointsman.bus.codec.records import Incoming, Outgoing
from pointsman.runtime.clock import utc_now
from pointsman.store.append.audit_writer import AuditWriter
from pointsman.store.ask.similar_reviews import similar_reviews
from pointsman.store.migrate import migrate
from tests.support.review.cases import TOPICS, claim, decide, edited, job_id, request
from tests.support.review.driven import Driven
from tests.support.review.seeded import with_test
from tests.support.store.audit_store import audit_pool
from tests.support.store.privacy import store

pytestmark = pytest.mark.stack


def stored(records: list[Outgoing]) -> list[Incoming]:
    """Stores the records with today's date."""
    now = utc_now()
    return [
        Incoming(
            TOPICS.reviews_state.name,
            0,
            place,
            int((now + timedelta(milliseconds=place)).timestamp() * 1000),
            made.key,
            made.value,
            tuple(made.headers),
            by_broker=True,
        )
        for place, made in enumerate(records)
    ]


async def test_the_views_show_the_state_of_cases(database: str) -> None:
    driven = Driven()
    changes: list[Outgoing] = []
    driven.on_change = changes.append
    today = utc_now().replace(microsecond=0)
    requests = [request(number) for number in range(5)]
    for requested in requests:
        driven.put(requested, today)
    decisions: list[tuple[str, str, dict[str, Any]]] = [
        ("ana", "approve", {}),
        ("ana", "edit", {"response": edited()}),
        ("ben", "reject", {}),
    ]
    for number, (by, choice, more) in enumerate(decisions):
        driven.put(claim(requests[number], by), today + timedelta(seconds=10))
        driven.put(
            decide(requests[number], choice, by, **more), today + timedelta(seconds=10 + 4 * (number + 1))
        )
    driven.put(claim(requests[3], "eva"), today + timedelta(seconds=20))

    await migrate(database)
    async with audit_pool(database) as pool:
        sink = Sink(AuditWriter(pool), TOPICS, utc_now)
        await store(sink, stored(changes))
    connection = await asyncpg.connect(database)
    try:
        reviews = {row["job_id"]: row for row in await connection.fetch("select * from audit.reviews")}
        assert [reviews[job_id(number)]["state"] for number in range(5)] == [
            "approved",
            "edited",
            "rejected",
            "claimed",
            "open",
        ]
        decided = reviews[job_id(1)]
        assert (decided["ended_by"], decided["choice"], decided["decision_seconds"]) == ("ana", "edit", 8.0)
        assert (decided["value"], decided["threshold"]) == ("0.94", Decimal("0.95"))
        assert reviews[job_id(3)]["claimed_by"] == "eva"
        load = {row["person"]: row for row in await connection.fetch("select * from audit.review_load")}
        assert {person: row["decided"] for person, row in load.items()} == {
            "ana": 2,
            "ben": 1,
            "eva": 0,
            None: 0,
        }
        assert (load["ana"]["median_seconds"], load["ana"]["approved_percent"]) == (6.0, Decimal("50.0"))
        assert (load["eva"]["waiting"], load[None]["waiting"]) == (1, 1)
        similar = await similar_reviews(database, "contract-clauses", "contract-reviewer", job_id(2))
        assert [(before.job_id, before.choice) for before in similar] == [
            (job_id(1), "edit"),
            (job_id(0), "approve"),
        ]
        assert await similar_reviews(database, "contract-clauses", "another", job_id(2)) == []
        (result,) = await connection.fetch("select * from audit.review_results")
        assert (result["cases"], result["waiting"], result["approved"], result["changed"]) == (5, 2, 1, 2)
        assert result["changed_percent"] == Decimal("66.7")
        assert result["highest_changed"] == Decimal("0.94")
    finally:
        await connection.close()


async def test_a_view_shows_who_approved_a_test_case(database: str) -> None:
    tested, _, test = with_test(utc_now() - timedelta(hours=1), people=2)
    for turn, (by, choice) in enumerate((("ana", "approve"), ("ben", "reject"), ("eva", "approve"))):
        tested.put(claim(test, by, 2 * turn + 1))
        tested.put(decide(test, choice, by, 2 * turn + 2))
    await migrate(database)
    async with audit_pool(database) as pool:
        await store(Sink(AuditWriter(pool), TOPICS, utc_now), stored(tested.changes))
    connection = await asyncpg.connect(database)
    try:
        rows = await connection.fetch("select * from audit.review_tests order by person")
        assert [(row["queue"], row["person"], row["tests"], row["approved"]) for row in rows] == [
            ("legal", "ana", 1, 1),
            ("legal", "ben", 1, 0),
            ("legal", "eva", 1, 1),
        ]
        assert rows[0]["last_approved_at"] and not rows[1]["last_approved_at"]
        seeded = await connection.fetch("select job_id from audit.reviews where seeded")
        assert [row["job_id"] for row in seeded] == [test.job.job_id]
        similar = await similar_reviews(database, test.stop.rule, test.job.agent_id, job_id(2))
        assert similar and test.job.job_id not in [before.job_id for before in similar]
        whole = await connection.fetchval("select count(*) from audit.reviews where not seeded")
        assert await connection.fetchval("select sum(cases) from audit.review_results") == whole
    finally:
        await connection.close()
