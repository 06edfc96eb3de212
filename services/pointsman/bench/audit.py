"""`pointsman bench audit`: the audit's sink against psql's `\\copy` of the same rows into the same table."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import psutil

from pointsman.audit.handlers import Sink
from pointsman.audit.records.rows import row_of
from pointsman.bench.audit_messages import steps
from pointsman.bus.codec.records import Incoming
from pointsman.dev.servers.postgres import USER, EmbeddedPostgres
from pointsman.registry.in_force import RegistryInForce
from pointsman.router.policy.policy import Policy
from pointsman.runtime.clock import utc_now
from pointsman.store.append.audit_writer import AuditWriter
from pointsman.store.append.chain import follow
from pointsman.store.append.record import stored_headers
from pointsman.store.append.row import Row
from pointsman.store.connect import connected, open_pool
from pointsman.store.migrate import migrate
from pointsman_schemas.topics import Topics

_TOPICS = Topics()
_LANES = 4
#: Most records of one poll of the audit's reader.
_BATCH = 2_000
#: How often the sink's own computation is measured separately; the fastest pass counts.
_PASSES = 3

_COLUMNS = [*Row._fields, "recorded_at", "chain"]
_LISTED = ", ".join(f'"{name}"' for name in _COLUMNS)

Batch = dict[tuple[str, int], list[Incoming]]


@dataclass(frozen=True, slots=True)
class StorageRun:
    """Microseconds per row: wall time, and processor time of the client and of Postgres."""

    wall_us: float
    client_us: float
    postgres_us: float

    @property
    def per_second(self) -> float:
        """Rows per second of wall time."""
        return 1e6 / self.wall_us


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The median of several rounds. `spent_us` splits the sink's own processor time by purpose.

    `psql_us` is the wall time of psql's `\\copy` in microseconds per row, psql's start included.
    """

    rows: int
    rounds: int
    mean_value_bytes: float
    sink: StorageRun
    psql_us: float
    spent_us: dict[str, float]

    @property
    def ratio(self) -> float:
        """The sink's rate divided by that of `\\copy`, in wall time."""
        return self.psql_us / self.sink.wall_us


def records(policy: Policy, in_force: RegistryInForce, rows: int) -> list[Incoming]:
    """Return the messages of complete jobs in order of arrival, on four partitions per topic."""
    made: list[Incoming] = []
    ends: dict[tuple[str, int], int] = {}
    now = int(datetime.now(UTC).timestamp() * 1000)
    for step in steps(policy, in_force, -(-rows // len(steps(policy, in_force, 1))) + 1):
        lane = (step.row.topic, step.job % _LANES)
        offset = ends[lane] = ends.get(lane, -1) + 1
        headers = tuple(stored_headers(step.row.headers))
        stamp = now + int((step.job * 0.001 + step.seconds) * 1000)
        made.append(Incoming(*lane, offset, stamp, step.row.key, step.row.value, headers))  # type: ignore[arg-type]
    return made[:rows]


def batches(incoming: Sequence[Incoming]) -> Iterator[Batch]:
    """Yield the records in batches, as the reader delivers them."""
    for first in range(0, len(incoming), _BATCH):
        batch: Batch = {}
        for record in incoming[first : first + _BATCH]:
            batch.setdefault((record.topic, record.partition), []).append(record)
        yield batch


async def run(
    policy: Policy, in_force: RegistryInForce, *, rows: int, rounds: int, say: Callable[[str], None]
) -> AuditReport:
    """Measure on a temporary Postgres.

    Raises:
        DevError, StoreError: Postgres does not start, or refuses a statement.
    """
    incoming = records(policy, in_force, rows)
    rows = len(incoming)
    with tempfile.TemporaryDirectory(prefix="pointsman-bench-") as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        postgres.start()
        try:
            dsn = postgres.dsn()
            await migrate(dsn)
            file = Path(folder) / "rows.text"
            sinks: list[StorageRun] = []
            psql: list[float] = []
            for number in range(rounds):
                say(f"round {number + 1} of {rounds}")
                sinks.append(await _sink(dsn, incoming))
                await _kept(dsn, file)
                psql.append(await _psql(postgres, dsn, file, rows))
        finally:
            postgres.stop()
            postgres.remove()
    sink = sorted(sinks, key=lambda run: run.wall_us)[len(sinks) // 2]
    size = sum(len(record.value or b"") for record in incoming) / rows
    return AuditReport(rows, rounds, size, sink, median(psql), _spent(incoming, sink))


class _Stopwatch:
    """Measures wall time, and processor time of this process and of one Postgres session."""

    def __init__(self, backend: int) -> None:
        self._backend = psutil.Process(backend)
        self._began = self._now()

    def _now(self) -> tuple[float, float, float]:
        spent = self._backend.cpu_times()
        return perf_counter(), process_time(), spent.user + spent.system

    def stop(self, rows: int) -> StorageRun:
        """Return the times since construction, divided by `rows`."""
        passed = (after - before for before, after in zip(self._began, self._now(), strict=True))
        return StorageRun(*(seconds * 1e6 / rows for seconds in passed))


async def _sink(dsn: str, incoming: Sequence[Incoming]) -> StorageRun:
    """Store all records with the sink, from raw Kafka bytes to the last commit."""
    await _empty(dsn, triggers=True)
    async with await open_pool(dsn, application="pointsman-bench", size=1) as pool:
        sink = Sink(AuditWriter(pool), _TOPICS, utc_now)
        expected: dict[tuple[str, int], int | None] = {}
        watch = _Stopwatch(await pool.fetchval("select pg_backend_pid()"))
        for batch in batches(incoming):
            ends = {lane: rows[-1].offset + 1 for lane, rows in batch.items()}
            await sink.append(batch, {lane: expected.get(lane) for lane in batch}, ends)
            expected |= ends
        return watch.stop(len(incoming))


async def _kept(dsn: str, file: Path) -> None:
    """Copy the rows that the sink stored, in their order, to a file."""
    order = f'select {_LISTED} from audit.message order by recorded_at, topic, partition, "offset"'
    async with connected(dsn) as connection:
        await connection.copy_from_query(order, output=file, timeout=600)


async def _psql(postgres: EmbeddedPostgres, dsn: str, file: Path, rows: int) -> float:
    """Load the rows by psql's `\\copy` with triggers disabled. Returns microseconds per row."""
    file.parent.chmod(0o755)  # psql may run as another user
    await _empty(dsn, triggers=False)
    began = perf_counter()
    await asyncio.to_thread(postgres.psql, USER, f"\\copy audit.message ({_LISTED}) from '{file}'")
    return (perf_counter() - began) * 1e6 / rows


async def _empty(dsn: str, *, triggers: bool) -> None:
    async with connected(dsn) as connection:
        tables = "select string_agg(format('audit.%I', relname), ', ') from pg_class"
        where = "where relnamespace = 'audit'::regnamespace and relname in ('message', 'lane', 'job')"
        await connection.execute(f"truncate {await connection.fetchval(f'{tables} {where}')}")
        await connection.execute(
            f"alter table audit.message {'enable' if triggers else 'disable'} trigger user"
        )
        await connection.execute("checkpoint", timeout=600)


def _spent(incoming: Sequence[Incoming], sink: StorageRun) -> dict[str, float]:
    """Return the processor microseconds per row that the sink computes for itself, and the remainder."""
    reading, linking = [], []
    for _ in range(_PASSES):
        began = process_time()
        rows = [row_of(record, _TOPICS) for record in incoming]
        decoded = process_time()
        chain, now = b"", utc_now()
        for row in rows:
            chain = follow(chain, row, now)
        reading.append((decoded - began) * 1e6 / len(incoming))
        linking.append((process_time() - decoded) * 1e6 / len(incoming))
    return {
        "reading messages, columns, digests": min(reading),
        "links of the chain": min(linking),
        "encoding, sending, positions, metrics": max(0.0, sink.client_us - min(reading) - min(linking)),
    }


def lines(report: AuditReport) -> Iterator[str]:
    """Yield the report: the rates, their ratio, and where the sink's processor time goes."""
    sink = report.sink
    yield f"{report.rows:,} rows of {report.mean_value_bytes:,.0f} bytes each, median of {report.rounds}"
    yield f"{'':14}{'rows/s':>10}{'client us/row':>16}{'Postgres us/row':>18}"
    yield f"{'psql':14}{1e6 / report.psql_us:10,.0f}"
    yield f"{'sink':14}{sink.per_second:10,.0f}{sink.client_us:16.1f}{sink.postgres_us:18.1f}"
    yield f"the sink does {report.ratio:.2f} of psql's \\copy by the clock"
    for part, spent in report.spent_us.items():
        yield f"{spent:8.1f} us/row of the client: {part}"
