"""The review commands: list, next, show, claim, decide, and refusals."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from textual.widgets import DataTable, Static

from pointsman.bus.read.follow import follow
from pointsman.cli.review.inbox_app import InboxApp
from pointsman.client.reviews import Reviewer
from pointsman.identity.keys import PrivateKey
from pointsman_schemas.outcomes import JobCompleted, JobRejected
from pointsman_schemas.topics import Topics
from tests.conftest import Kafka
from tests.support.review.cases import job_id, request
from tests.support.review.crowd import request_record
from tests.support.review.driven import decoded
from tests.support.review.receiver import receiver, verified
from tests.support.review.service import publish, review_services
from tests.support.running.command import Command

pytestmark = pytest.mark.stack

#: Cases that are decided on the full screen.
INBOX = range(10, 13)


@pytest_asyncio.fixture
async def review(kafka: Kafka, tmp_path: Path) -> AsyncIterator[Command]:
    """Five cases wait; `mia` signs."""
    key = PrivateKey.generate()
    (tmp_path / "mia.pem").write_text(key.pem)
    people = [
        "{id: ana, owner: reviewers, reviews: [legal]}",
        f"{{id: mia, owner: reviewers, reviews: [legal], public_keys: ['{key.public.text}']}}",
    ]
    async with review_services(kafka.settings, tmp_path, people):
        topics = Topics(kafka.prefix)
        requests = [request(number, deadline_s=3600 + number) for number in (*range(5), *INBOX)]
        await publish(kafka.settings, [request_record(topics, requested) for requested in requests])
        environment = {
            "POINTSMAN_KAFKA": kafka.bootstrap,
            "POINTSMAN_PREFIX": kafka.prefix,
            "POINTSMAN_AGENT": "ana",
        }
        command = Command(tmp_path, environment)
        async with asyncio.timeout(30):
            while len((await command.run("review", "list", "--json")).json) < 5 + len(INBOX):
                pass
        yield command


async def test_a_reviewers_first_cases(review: Command, kafka: Kafka, tmp_path: Path) -> None:
    ids = [str(job_id(number)) for number in range(5)]
    listed = await review.run("review", "list")
    assert [line.split()[0] for line in listed.lines[1:6]] == ids
    assert "0.94 < 0.95" in listed.out

    await _what_is_no_case_is_said_plainly(review)

    first = await review.run("review", "next")
    assert first.code == 0, first.err
    assert first.lines[0] == f"job {ids[0]} of contract-reviewer"
    for text in ("answer 0", "0.94 < 0.95", f"pointsman review approve {ids[0]}", "claimed by ana"):
        assert text in first.out
    approved = await review.run("review", "approve", ids[0])
    assert (approved.code, approved.out) == (0, f"{ids[0]}: approved: the outcome is written\n")
    again = await review.run("review", "reject", ids[0], "--reason", "late")
    assert again.code == 1
    assert "the case is approved by ana; nothing was changed" in again.err

    without = await review.run("review", "reject", ids[1][:8])
    assert without.code == 1
    assert "give a reason: --reason TEXT" in without.err
    assert "you have not claimed it" in (await review.run("review", "release", ids[1])).err
    edited = await review.run(
        "review", "edit", ids[1], "-", "--reason", "wrong cap", stdin="The cap is 150 %.\n"
    )
    assert edited.code == 0, edited.err
    sent = await review.run("review", "send", ids[2], "gigantic", "--reason", "harder than it looks")
    assert sent.code == 1
    assert "open are small, medium, frontier" in sent.err
    sent = await review.run("review", "send", ids[2], "small", "--reason", "try again", "--json")
    assert sent.json["status"] == "sent"
    rejected = await review.run("review", "reject", ids[3], "--reason", "no basis")
    assert rejected.code == 0, rejected.err

    unsigned = await review.run("review", "claim", ids[4], "--by", "mia")
    assert unsigned.code == 1
    assert "--key FILE" in unsigned.err
    signed = await review.run("review", "claim", ids[4], "--by", "mia", "--key", "mia.pem")
    assert signed.code == 0, signed.err
    others = await review.run("review", "approve", ids[4])
    assert others.code == 1
    assert "mia has claimed it until" in others.err
    await _by_keys(kafka)
    nothing = await review.run("review", "next")
    assert (nothing.code, nothing.err) == (1, "no open case for ana\n")

    await _watched(review, kafka, tmp_path)

    topics = Topics(kafka.prefix)
    outcomes = [
        decoded(record)  # type: ignore[arg-type]
        async for record in follow(kafka.settings, [topics.results.name], start="beginning", until_end=True)
    ]
    by_job = {str(outcome.job_id): outcome for outcome in outcomes}  # type: ignore[attr-defined]
    assert set(by_job) == {ids[0], ids[1], ids[3], *(str(job_id(number)) for number in INBOX)}
    assert by_job[ids[0]] == request(0, deadline_s=3600).proposed
    edit = by_job[ids[1]]
    assert isinstance(edit, JobCompleted)
    assert edit.response["choices"][0]["message"]["content"] == "The cap is 150 %."
    assert isinstance(by_job[ids[3]], JobRejected)


async def _by_keys(kafka: Kafka) -> None:
    """The inbox: approves one case, edits one, and rejects one with a reason."""
    topics = Topics(kafka.prefix)
    inbox = InboxApp(kafka.settings, topics, Reviewer(kafka.settings, topics, "ana"), "ana", "legal")
    async with inbox.run_test(size=(140, 40)) as pilot:
        table = inbox.query_one(DataTable)

        async def until(holds: Callable[[], bool]) -> None:
            async with asyncio.timeout(60):
                while not holds():
                    await pilot.pause(0.05)

        def answer() -> str:
            return str(inbox.query_one("#answer", Static).render())

        await until(lambda: table.row_count == 1 + len(INBOX))
        assert "claimed by mia" in str(table.get_row_at(0)[1])
        for keys, expected in (
            ([], "approved"),
            (["ctrl+s", *"wrong", "enter"], "edited"),
            ([*"no", "enter"], "rejected"),
        ):
            table.move_cursor(row=1)
            await pilot.press({"approved": "a", "edited": "e", "rejected": "r"}[expected])
            for key in keys:
                await pilot.press(key)
            await until(lambda: answer().startswith(expected))  # noqa: B023 -- awaited in this turn
        await until(lambda: table.row_count == 1)
        table.move_cursor(row=0)
        await pilot.press("a")
        await until(lambda: "mia has claimed it" in answer())


async def _watched(review: Command, kafka: Kafka, folder: Path) -> None:
    """A new case gives one line and one signed webhook; the first attempt of the webhook fails."""
    topics, secret = Topics(kafka.prefix), b"s" * 32
    (folder / "secret").write_text(f"whsec_{base64.b64encode(secret).decode()}\n")
    async with receiver(503, 200) as (url, received):
        arguments = ("--json", "-n", "1", "--url", url, "--secret-file", "secret")
        async with review.running("review", "watch", *arguments) as watching:
            number = 100
            while watching.returncode is None:  # until a case arrives after it started to watch
                await publish(kafka.settings, [request_record(topics, request(number))])
                number += 1
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(watching.wait()), 1)
            assert watching.stdout is not None
            case = json.loads(await watching.stdout.read())
    first, second = received
    assert (case["change"], case["queue"]) == ("opened", "legal")
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == f"{case['job_id']}-1"
    assert json.loads(second.body)["data"]["stop"]["detail"] == case["stop"]["detail"]
    assert verified(second, secret)


async def _what_is_no_case_is_said_plainly(review: Command) -> None:
    unknown = await review.run("review", "show", "ffffffff")
    assert unknown.code == 1
    assert "those that wait: pointsman review list" in unknown.err
    result = await review.run("review", "show", str(job_id(0)), "--json")
    assert result.json["case"]["revision"] == 1
    assert result.json["request"]["proposed"]["job_id"] == str(job_id(0))
    nobody = await review.run("review", "claim", str(job_id(0)), "--by", "passer-by")
    assert nobody.code == 1
    assert "reviews: [legal]" in nobody.err
    queue = await review.run("review", "list", "--queue", "other")
    assert queue.err == "no case waits in queue other\n"
