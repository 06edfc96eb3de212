"""A person ends a pause: waiting calls of all processes continue, and the command lists pauses first."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pointsman.runtime.clock import utc_now
from pointsman_schemas.outcomes import JobCompleted
from tests.conftest import Kafka
from tests.support.running.command import Command
from tests.support.worker.routed_jobs import outcome
from tests.support.worker.sharing import agreements, until
from tests.support.worker.tiny_provider import http, tiny_provider
from tests.support.worker.working import MODEL, Worker, in_turn, provider_of

pytestmark = pytest.mark.stack

TARGET = f"tiny/{MODEL}"
FILE = f"""
providers:
  - {{name: tiny, base_url: "http://127.0.0.1:1/v1"}}
tiers:
  small: {{provider: tiny, model: {MODEL}}}
  large: {{provider: tiny, model: other}}
"""


def pointsman(kafka: Kafka, folder: Path) -> Command:
    (folder / "providers.yaml").write_text(FILE)
    return Command(
        folder,
        {
            "POINTSMAN_KAFKA": kafka.bootstrap,
            "POINTSMAN_PREFIX": kafka.prefix,
            "POINTSMAN_PROVIDERS": "providers.yaml",
            "POINTSMAN_POSTGRES": "postgresql://127.0.0.1:1/x",
        },
    )


@pytest.mark.parametrize("retry_after", ["3000", "1e306", "9999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
async def test_all_waiting_calls_continue(kafka: Kafka, tmp_path: Path, retry_after: str) -> None:
    async with (
        agreements(kafka, "one", "other") as (one, other),
        tiny_provider(in_turn(http(429, {}, retry_after=retry_after), http())) as tiny,
        provider_of(tiny) as provider,
    ):
        limited, held = Worker(provider, shared_limits=one), Worker(provider, shared_limits=other)
        deadline = utc_now() + timedelta(hours=3)
        jobs: list[asyncio.Task[Any]] = [asyncio.create_task(limited.do(1, deadline=deadline))]
        await until(lambda: held.call_context.limits.available(TARGET))
        assert max(worker.call_context.limits.available(TARGET) for worker in (limited, held)) <= 3600
        jobs += [
            asyncio.create_task(worker.do(number, deadline=deadline))
            for number, worker in ((2, limited), (3, held))
        ]
        done = await pointsman(kafka, tmp_path).run("limits", "resume", TARGET, "--agent", "oncall:ada")
        assert done.code == 0, done.err
        assert done.lines[0].startswith(f"{TARGET} may be called: it was paused since 20")
        async with asyncio.timeout(120):
            ended = [outcome(records) for records in await asyncio.gather(*jobs)]
        assert all(isinstance(ending, JobCompleted) for ending in ended)
    assert len(tiny.asked) == 4


async def test_the_command_and_the_doctor_say_what_is_paused(kafka: Kafka, tmp_path: Path) -> None:
    command = pointsman(kafka, tmp_path)
    async with (
        agreements(kafka, "one") as (shared,),
        tiny_provider(in_turn(http())) as tiny,
        provider_of(tiny) as provider,
    ):
        worker = Worker(provider, shared_limits=shared)

        async def paused() -> None:
            worker.pause(TARGET, 3000)
            await shared.written()

        nothing = await command.run("limits", "resume", "tiny")
        assert (nothing.code, nothing.lines) == (1, [])
        assert "no tiny is paused or broken" in nothing.err and "hint:" in nothing.err
        await paused()
        findings = (await command.run("doctor", "--json")).json
        (limits_finding,) = [finding for finding in findings if finding["check"] == "limits"]
        assert (limits_finding["ok"], limits_finding["fix"]) == (False, f"pointsman limits resume {TARGET}")
        wrong = await command.run("limits", "resume", "large")
        assert wrong.code == 1 and TARGET in wrong.err, "another tier's models are not paused"
        for name in ("tiny", "small", "--all"):
            limits = (await command.run("limits", "--json")).json
            assert [target["target"] for target in limits["targets"] if target["paused_s"] > 0] == [TARGET]
            lifted = await command.run("limits", "resume", name, "--json", "--reason", "the quota was raised")
            assert [target["target"] for target in lifted.json["resumed"]] == [TARGET]
            await until(lambda: not worker.call_context.limits.available(TARGET))
            await paused()
        assert (await command.run("limits", "resume")).code == 2
