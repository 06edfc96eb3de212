"""`bench audit-load` makes consistent messages; `bench audit-query` runs every question on them."""

from datetime import UTC, datetime, timedelta

import pytest

from pointsman.bench import audit_load
from pointsman.bench.audit_load import Loaded, load
from pointsman.bench.audit_messages import shipped
from pointsman.bench.audit_query import measure
from pointsman.store.ask.asking import questions
from tests.support.store.audit_store import as_auditor, observer, prepare

pytestmark = pytest.mark.stack


@pytest.fixture(autouse=True)
def _small_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_load, "ROUNDS", 1)


async def loaded(dsn: str, messages: int, days: int) -> tuple[Loaded, int]:
    """The report of a load, and the progress that it reported."""
    progress: list[int] = []
    done = await load(dsn, *shipped(), messages=messages, days=days, advance=progress.append)
    return done, sum(progress)


async def test_loaded_messages_hang_together(database: str) -> None:
    await prepare(database)
    (first, advanced), (second, _) = await loaded(database, 600, 3), await loaded(database, 200, 1)
    assert advanced == first.messages >= 600
    async with observer(database) as connection:
        counts = await connection.fetchrow(
            "select count(*), count(distinct job_id), count(distinct message_id),"
            ' min(broker_at), max(broker_at), count(distinct (topic, partition, "offset")) from audit.message'
        )
        assert counts is not None
        assert counts[0] == counts[2] == counts[5] == first.messages + second.messages
        assert counts[1] == first.jobs + second.jobs
        assert timedelta(days=2.5) < counts[4] - counts[3] < timedelta(days=3.1)
        assert datetime.now(UTC) - counts[4] < timedelta(hours=6)
        assert await connection.fetchval("select count(*) from only audit.message_default") == 0
        odd = await connection.fetch(
            "select job_id, messages, calls, state from audit.jobs except"
            " select job_id, messages, calls, state from audit.jobs_recounted"
        )
        assert odd == []
        states = await connection.fetch("select distinct state from audit.jobs order by 1")
        assert [state["state"] for state in states] == ["completed", "failed"]
    assert 800 < first.mean_value_bytes < 4000
    assert first.table_bytes > first.index_bytes > 0


async def test_every_question_is_asked_and_timed(database: str) -> None:
    await prepare(database)
    done, _ = await loaded(database, 600, 1)
    steps: list[int] = []
    size, timed = await measure(as_auditor(database), jobs=3, rounds=2, advance=steps.append)
    assert [question.name for question in timed] == [question.name for question in await questions(database)]
    assert sum(steps) == len(timed)
    assert size.jobs == done.jobs
    assert 0 < size.day_messages <= done.messages
    assert all(0 < question.ms <= question.slowest_ms for question in timed)
    by_name = {question.name: question for question in timed}
    assert by_name["timeline"].about == "a job"
    assert min(by_name["timeline"].rows, by_name["timeline"].read) >= 4
    assert by_name["suspects"].about == "a day"
    assert by_name["suspects"].rows > 0
