"""Fill an audit database with any number of messages, spread over days. The server multiplies the rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from time import perf_counter

from pointsman.bench.audit_messages import TimedRow, steps
from pointsman.registry.in_force import RegistryInForce
from pointsman.router.policy.policy import Policy
from pointsman.store.append.row import Row
from pointsman.store.connect import Connection, connected

#: Rounds over the sample jobs per pass: about twenty thousand rows in one transaction.
ROUNDS = 75
_OWN = {
    "topic", "partition", "offset", "message_id", "causation_id", "job_id", "produced_at", "broker_at",
    "payload",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was loaded, and how fast; sizes are in bytes."""

    messages: int
    jobs: int
    days: int
    seconds: float
    rows_per_second: float
    mean_value_bytes: float
    table_bytes: int
    index_bytes: int


async def load(
    dsn: str,
    policy: Policy,
    in_force: RegistryInForce,
    *,
    messages: int,
    days: int,
    advance: Callable[[int], None],
) -> Loaded:
    """Add at least `messages`, the last one dated now, in passes of `ROUNDS` over the sample jobs.

    `dsn` is the owner's address.

    Raises:
        StoreUnavailableError, StoreError: the database is unavailable or not migrated.
    """
    template = steps(policy, in_force, ROUNDS)
    jobs = template[-1].job + 1
    passes = -(-messages // len(template))
    until = datetime.now(UTC)
    since = until - timedelta(days=days)
    spacing = timedelta(days=days) / (passes * jobs)
    async with connected(dsn) as connection:
        await _prepare(connection, since, until)
        await _template(connection, template)
        text = (files("pointsman.bench") / "audit_load.sql").read_text(encoding="utf-8")
        kept = ", ".join(f'"{name}"' for name in Row._fields if name not in _OWN)
        insert = await connection.prepare(text.replace("{columns}", kept))
        first_number = await connection.fetchval(
            'select coalesce(max("offset"), 0) / 10 + 1 from audit.message'
        )
        started = perf_counter()
        for number in range(passes):
            await insert.fetch(
                first_number + number * len(template), since + number * jobs * spacing, spacing
            )
            advance(len(template))
        seconds = perf_counter() - started
        await connection.execute("vacuum (analyze) audit.message, audit.job", timeout=3600)
        sizes = await connection.fetchrow((files("pointsman.bench") / "audit_sizes.sql").read_text("utf-8"))
    assert sizes is not None
    rows = passes * len(template)
    return Loaded(rows, passes * jobs, days, seconds, rows / seconds, sizes[0], sizes[1], sizes[2])


async def _prepare(connection: Connection, since: datetime, until: datetime) -> None:
    await connection.execute(
        "select audit.ensure_days($1, $2)", since.date(), until.date() + timedelta(days=1)
    )
    await connection.execute("set synchronous_commit = off; set work_mem = '256MB'")


async def _template(connection: Connection, template: Sequence[TimedRow]) -> None:
    await connection.execute(
        "create temporary table bench_template (like audit.message);"
        " alter table bench_template alter recorded_at drop not null,"
        " add column job bigint, add column seconds double precision, add column place bigint"
    )
    columns = [*Row._fields, "job", "seconds", "place"]
    records = [(*step.row, step.job, step.seconds, place) for place, step in enumerate(template)]
    await connection.copy_records_to_table("bench_template", columns=columns, records=records)
