"""`pointsman sql` runs any query and no statement that changes data."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pointsman.store.ask.asking import QuestionError, read_only_query
from tests.support.running.command import Command
from tests.support.running.servers import Servers
from tests.support.store.audit_store import as_auditor, observer
from tests.support.store.incident import Job, recorded

pytestmark = pytest.mark.stack

LONG = timedelta(seconds=30)


@pytest.fixture(scope="module")
def recorded_dsn(stack: Servers) -> Iterator[str]:
    """The owner's address of a database with three jobs."""
    with recorded(stack, [Job(1), Job(2), Job(3, prompt="\x1b[31mred\x07")]) as dsn:
        yield dsn


@pytest.fixture
def pointsman(recorded_dsn: str, tmp_path: Path) -> Command:
    return Command(tmp_path, {"POINTSMAN_POSTGRES": as_auditor(recorded_dsn)})


async def one(dsn: str, question: str) -> tuple[object, ...]:
    async with read_only_query(dsn, question, within=LONG) as answer:
        rows, _ = await answer.first(1)
    return rows[0]


@pytest.mark.parametrize(
    "statement",
    [
        "insert into audit.lane values ('t', 0, 1)",
        "  /* harmless */ -- really\n delete from audit.message",
        "copy (select 1) to program 'true'",
        "truncate audit.message",
        "begin",
        "set role postgres",
        "",
        "; select 1",
        "with gone as (delete from audit.message returning 1) select * from gone",
        "explain analyze delete from audit.message",
        "select set_config('transaction_read_only', 'off', true)",
        "select 1; delete from audit.message",
        "select * from audit.message for update",
        "select audit.ensure_days('2020-01-01', '2020-01-02')",
        "select pg_read_file('/etc/hostname')",
    ],
)
@pytest.mark.parametrize("login", ["owner", "auditor"])
async def test_statements_that_change_data_are_refused(recorded_dsn: str, statement: str, login: str) -> None:
    dsn = recorded_dsn if login == "owner" else as_auditor(recorded_dsn)
    with pytest.raises(QuestionError) as caught:
        await one(dsn, statement)
    assert str(caught.value)
    async with observer(recorded_dsn) as connection:
        assert await connection.fetchval("select count(*) from audit.message") == 12
        assert await connection.fetchval("select count(*) from audit.lane where topic = 't'") == 0


async def test_a_query_runs_with_the_auditor_s_rights(recorded_dsn: str) -> None:
    assert await one(recorded_dsn, "select current_user") == ("pointsman_auditor",)
    assert await one(recorded_dsn, "show transaction_read_only") == ("on",)


@pytest.mark.parametrize(
    "question",
    [
        "(select 1)",
        "with one as (select 1 as a) select a from one",
        "values (1)",
        "-- why\nselect 1",
        "SELECT 1",
    ],
)
async def test_read_only_statements_run(recorded_dsn: str, question: str) -> None:
    assert await one(recorded_dsn, question) == (1,)


async def test_a_syntax_error_is_reported_with_its_place(pointsman: Command) -> None:
    done = await pointsman.run("sql", "select *\nfrom audit.jobs\nwhere stat = 'failed'")
    assert done.code == 1
    assert done.err.splitlines()[:3] == [
        'error: column "stat" does not exist',
        "  where stat = 'failed'",
        "        ^",
    ]


async def test_an_unknown_name_shows_the_list(pointsman: Command) -> None:
    done = await pointsman.run("sql", "select * from audit.job_list")
    assert "pointsman sql --list" in done.err
    listed = await pointsman.run("sql", "--list")
    assert "audit.suspects" in listed.out
    assert "What do failures have in common" in listed.out
    assert {question["name"] for question in (await pointsman.run("sql", "--list", "--json")).json} > {
        "why",
        "waste",
    }


async def test_a_query_that_takes_too_long_is_cancelled(pointsman: Command) -> None:
    done = await pointsman.run("sql", "select pg_sleep(60)", "--timeout", "2")
    assert done.code == 1
    assert "--timeout" in done.err


async def test_a_truncated_result_is_reported(pointsman: Command) -> None:
    cut = await pointsman.run("sql", "select job_id from audit.jobs", "--limit", "2")
    assert len(cut.lines) == 3
    assert "only the first 2 rows" in cut.err
    for flags in (["--limit", "3"], ["--limit", "0"]):
        whole = await pointsman.run("sql", "select job_id from audit.jobs", *flags)
        assert (len(whole.lines), whole.err) == (4, "")


async def test_answers_as_table_json_and_csv(pointsman: Command) -> None:
    question = (
        "select state, calls, took, cost_usd, null as nothing, '{\"a\": [1]}'::jsonb as object"
        f" from audit.jobs where job_id = '{Job(1).id}'"
    )
    table = await pointsman.run("sql", question)
    assert table.lines[0].split() == ["state", "calls", "took", "cost_usd", "nothing", "object"]
    assert table.lines[1].split(maxsplit=7) == [
        "completed", "1", "4.80", "s", "0.00006", "-", '{"a":', "[1]}",
    ]  # fmt: skip
    (row,) = (await pointsman.run("sql", question, "--json")).json
    assert row == {
        "state": "completed", "calls": 1, "took": 4.8, "cost_usd": "0.00006", "nothing": None,
        "object": {"a": [1]},
    }  # fmt: skip
    csv = await pointsman.run("sql", question, "--csv")
    assert csv.lines == [
        "state,calls,took,cost_usd,nothing,object",
        'completed,1,4.8,0.00006,,"{""a"": [1]}"',
    ]


async def test_control_characters_in_prompts_are_escaped(pointsman: Command) -> None:
    done = await pointsman.run("sql", f"select messages from audit.asked where job_id = '{Job(3).id}'")
    assert done.code == 0
    assert "red" in done.out  # Command fails on an escape


async def test_a_query_may_come_from_stdin(pointsman: Command) -> None:
    done = await pointsman.run("sql", "-", "--csv", stdin="select count(*) from audit.jobs")
    assert done.lines == ["count", "3"]
    assert (await pointsman.run("sql")).code == 2
    assert (await pointsman.run("sql", "select 1", "--csv", "--json")).code == 2


async def test_csv_of_many_rows_comes_in_order(pointsman: Command) -> None:
    question = "select * from generate_series(1, 2500) as n"
    done = await pointsman.run("sql", question, "--csv", "--limit", "0")
    assert done.lines == ["n", *map(str, range(1, 2501))]
    cut = await pointsman.run("sql", question, "--csv", "--limit", "700")
    assert cut.lines == ["n", *map(str, range(1, 701))]
    assert "first 700 rows" in cut.err


EDGES = [
    ("'infinity'::timestamptz", "infinity"),
    ("'-infinity'::timestamptz", "-infinity"),
    ("'-infinity'::date", "-infinity"),
    ("'infinity'::timestamp", "infinity"),
    ("'0044-03-15 BC'::date", "0044-03-15 BC"),
    ("'0001-12-31 BC'::date", "0001-12-31 BC"),
    ("'4713-01-01 BC'::date", "4713-01-01 BC"),
    ("'0044-03-15 12:30:01.5 BC'::timestamp", "0044-03-15 12:30:01.500000 BC"),
    ("'0044-03-15 12:30:00+00 BC'::timestamptz", "0044-03-15 12:30:00+00 BC"),
    ("'294276-12-31 23:59:59+00'::timestamptz", "294276-12-31 23:59:59+00"),
    ("'5874897-12-31'::date", "5874897-12-31"),
    ("'10000-02-29'::date", "10000-02-29"),
    ("'9999-12-31 23:59:59.999999+00'::timestamptz", "9999-12-31T23:59:59.999999Z"),
    ("'0001-01-01 00:00:00+00'::timestamptz", "0001-01-01T00:00:00.000000Z"),
    ("'2026-03-12'::date", "2026-03-12"),
    ("'2026-03-12 09:14:05+02'::timestamptz", "2026-03-12T07:14:05.000000Z"),
    ("'2026-03-12 09:14:05'::timestamp", "2026-03-12T09:14:05.000000"),
    ("'24:00'::time", "24:00:00"),
    ("'09:14:05'::time", "09:14:05"),
    ("'09:14:05+02'::timetz", "09:14:05+02:00"),
    ("'1 day 00:00:02'::interval", 86402.0),
    ("'178000000 years'::interval", "178000000 years 0 mons 0 days 0 s"),
    ("array['infinity'::date, '2026-03-12']", ["infinity", "2026-03-12"]),
    ("'NaN'::float8", "NaN"),
    ("'-Infinity'::float4", "-Infinity"),
    ("array['NaN'::float8, 1]", ["NaN", 1.0]),
    ("'NaN'::numeric", "NaN"),
    ("12345678901234567890123456789012345.670::numeric", "12345678901234567890123456789012345.670"),
    ("9223372036854775807", 9223372036854775807),
]


COLUMNS = {f"c{place}": edge for place, edge in enumerate(EDGES)}
ALL_OF_THEM = "select " + ", ".join(f"{value} as {name}" for name, (value, _) in COLUMNS.items())


async def test_every_value_is_shown_and_in_json(pointsman: Command) -> None:
    done = await pointsman.run("sql", "--json", ALL_OF_THEM)
    assert done.code == 0, done.err
    (row,) = json.loads(done.out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert row == {name: text for name, (_, text) in COLUMNS.items()}


@pytest.mark.parametrize("how", [[], ["--csv"]])
async def test_every_value_is_shown_in_a_table_and_in_csv(pointsman: Command, how: list[str]) -> None:
    done = await pointsman.run("sql", *how, ALL_OF_THEM)
    assert done.code == 0, done.err
    for text in ("infinity", "-infinity", "0044-03-15 BC", "24:00:00", "NaN", "294276-12-31"):
        assert text in done.out
    assert "12345678901234567890123456789012345.67" in done.out


async def test_columns_with_the_same_name_are_distinguished(pointsman: Command) -> None:
    done = await pointsman.run("sql", "--json", "select 1 as a, 2 as a, 3 as a_2, 4 as a")
    assert done.json == [{"a": 1, "a_3": 2, "a_2": 3, "a_4": 4}]


async def test_arguments_may_still_be_times(recorded_dsn: str) -> None:
    at = datetime(2026, 3, 12, 9, 14, tzinfo=UTC)
    question = "select $1::timestamptz, $2::interval, $1::timestamptz + $2::interval"
    async with read_only_query(
        as_auditor(recorded_dsn), question, at, timedelta(days=1, seconds=2), within=LONG
    ) as answer:
        rows, _ = await answer.first(1)
    assert rows == [(at, timedelta(days=1, seconds=2), at + timedelta(days=1, seconds=2))]
