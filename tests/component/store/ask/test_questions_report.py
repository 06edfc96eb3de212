"""`pointsman report`: one page about one job."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsman_schemas.calls import RawBody
from pointsman_schemas.reasons import FailReason
from tests.support.bus.example_records import story, story_id
from tests.support.running.command import Command
from tests.support.running.servers import Servers
from tests.support.store.audit_store import observer
from tests.support.store.incident import Job, Try, failing_agent, recorded

pytestmark = pytest.mark.stack

HIT = next(job for job in failing_agent() if job.end == "failed")
REJECTED = Job(500, end="rejected", agent="stranger")
WAITING = Job(501, calls=(), end=None)
BROKEN = Job(502, prompt="What is </pre><b>bold</b>?", calls=(Try(FailReason.TIMEOUT, tokens=None), Try()))
BODY = RawBody(
    encoding="utf-8",
    content="502 \x1b[31m</pre><script>alert(1)</script>\n" + "x" * 30_000 + "end",
    whole=False,
)


@pytest.fixture(scope="module")
def recorded_dsn(stack: Servers) -> Iterator[str]:
    unread = story(7, response=None, response_raw=BODY)
    with recorded(stack, [*failing_agent(), REJECTED, WAITING, BROKEN], *unread) as dsn:
        yield dsn


@pytest.fixture
def pointsman(recorded_dsn: str, tmp_path: Path) -> Command:
    return Command(tmp_path, {"POINTSMAN_POSTGRES": recorded_dsn})


async def test_the_page_of_a_failed_job_names_the_cause_and_similar_jobs(pointsman: Command) -> None:
    done = await pointsman.run("report", str(HIT.id)[:13])
    assert done.code == 0, done.err
    for words in (
        f"# Job {HIT.id}: failed",
        "It failed: server_error",
        "| agent | invoice-reader |",
        "To small by rule everyday-writing of policy p-2",
        "| gpt-4.1-nano, attempt 3 |",
        "| 1 | simulator | gpt-4.1-nano | retry | server_error | it is overloaded | 503 |",
        "| policy_version | p-2 | p-1 |",
        "| model + agent_id | gpt-4.1-nano + invoice-reader | 15 |",
        "| pointsman/worker/small |",
    ):
        assert words in done.out, words


async def test_the_html_page_is_written_to_a_file(pointsman: Command) -> None:
    done = await pointsman.run("report", str(BROKEN.id), "--output", "page.html")
    assert (done.code, done.out) == (0, "")
    page = (pointsman.folder / "page.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "What is &lt;/pre&gt;&lt;b&gt;bold&lt;/b&gt;?" in page
    assert "<b>bold" not in page
    assert page.count('<i class="bad"') == page.count('<i class="good"') == 1


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        (
            REJECTED,
            [
                "It was rejected: agent_not_allowed -- not registered",
                "It was never routed.",
                "None was made.",
            ],
        ),
        (WAITING, ["It has no outcome; it has come as far as \\`routed\\`.", "None on record."]),
    ],
    ids=["rejected", "waiting"],
)
async def test_an_unfinished_job_has_a_page(pointsman: Command, job: Job, expected: list[str]) -> None:
    done = await pointsman.run("report", str(job.id), "--format", "md")
    assert done.code == 0, done.err
    for words in expected:
        assert words in done.out


async def test_payloads_are_left_out_when_asked(pointsman: Command) -> None:
    whole = await pointsman.run("report", str(BROKEN.id))
    bare = await pointsman.run("report", str(BROKEN.id), "--no-payloads")
    assert "tomorrow" in whole.out
    assert "bold" in whole.out
    assert "tomorrow" not in bare.out
    assert "bold" not in bare.out
    assert "| 2 | simulator |" in bare.out


async def test_an_error_body_is_shown_unchanged_up_to_a_limit(pointsman: Command, recorded_dsn: str) -> None:
    page = (await pointsman.run("report", str(story_id(7)), "--format", "html")).out
    assert (
        f"body as it came (utf-8, of which the beginning is on record, 20,000 of {len(BODY.content):,}"
        in page
    )
    assert "502 [31m&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;\nxxx" in page.replace("  ", " ")
    assert "\x1b" not in page
    assert "<script>" not in page
    assert "xend" not in page
    bare = await pointsman.run("report", str(story_id(7)), "--no-payloads")
    assert "as it came" not in bare.out
    async with observer(recorded_dsn) as connection:
        row = await connection.fetchrow(
            "select response, response_raw ->> 'content' as body from audit.calls where job_id = $1",
            story_id(7),
        )
    assert row is not None
    assert dict(row) == {"response": "null", "body": BODY.content}


async def test_an_unknown_job_has_no_page(pointsman: Command) -> None:
    done = await pointsman.run("report", "ffffffffffff", "--output", "page.html")
    assert done.code == 1
    assert not (pointsman.folder / "page.html").exists()
