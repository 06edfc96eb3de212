"""Gateways start, stop and are killed, and a worker dies during streams: each request is answered once."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx2
import pytest

from pointsman.dev.services.processes import wait_ready
from tests.journey.gateway.conftest import base_url, openai_of
from tests.support.running.system import System

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(300)]

LONG_S = 150
SLOW: dict[str, object] = {"effect": {"kind": "slow_stream", "gap_ms": 200}}


@dataclass
class Streamed:
    """The raw lines of a stream; `broken`: whether the connection broke."""

    number: int
    job_id: str = ""
    events: list[str] = field(default_factory=list)
    broken: bool = False
    ended: bool = False

    @property
    def chunks(self) -> list[dict[str, Any]]:
        return [json.loads(event) for event in self.events if event != "[DONE]"]

    @property
    def text(self) -> str:
        return "".join(choice["delta"].get("content") or "" for choice in self._choices())

    @property
    def finishes(self) -> list[str]:
        return [choice["finish_reason"] for choice in self._choices() if choice["finish_reason"]]

    @property
    def is_answered(self) -> bool:
        """Whether it ended once, with its end or with an error event."""
        errors = [place for place, chunk in enumerate(self.chunks) if "error" in chunk]
        if errors:
            return errors == [len(self.events) - 1]
        return self.finishes == ["stop"] and self.events.count("[DONE]") == 1 and self.events[-1] == "[DONE]"

    def _choices(self) -> list[dict[str, Any]]:
        return [choice for chunk in self.chunks for choice in chunk.get("choices", [])]


def _asked(number: int) -> dict[str, object]:
    messages = [{"role": "user", "content": f"Tell me of number {number} in some sentences"}]
    return {"model": "tier:small", "messages": messages}


async def _stream(url: str, stream: Streamed) -> None:
    body = {**_asked(stream.number), "stream": True}
    try:
        async with (
            httpx2.AsyncClient(timeout=LONG_S) as client,
            client.stream("POST", f"{url}/chat/completions", json=body) as answer,
        ):
            assert answer.status_code == 200, await answer.aread()
            stream.job_id = answer.headers["x-pointsman-job-id"]
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    stream.events.append(line.removeprefix("data: "))
    except httpx2.TransportError:
        stream.broken = True
    stream.ended = True


async def _whole(system: System, number: int) -> tuple[str, str]:
    async with openai_of(system, max_retries=0, timeout=LONG_S) as client:
        raw = await client.chat.completions.with_raw_response.create(**_asked(number))  # type: ignore[call-overload]
        completion = raw.parse()
        assert completion.choices[0].finish_reason == "stop"
        return raw.headers["x-pointsman-job-id"], completion.choices[0].message.content


async def _look_up(system: System, job_id: str) -> tuple[str, str]:
    """Status and text of a response from another process, as the remaining gateway returns them."""
    async with openai_of(system, timeout=LONG_S) as client:
        response = await client.responses.retrieve(f"resp_{job_id.replace('-', '')}")
        return response.status or "", response.output_text


async def test_each_request_is_answered_once_whichever_process_is_killed(system: System) -> None:
    doomed = system.add("gateway-2", like="gateway")
    await asyncio.to_thread(wait_ready, [doomed])
    await system.order_faults(SLOW)
    kept, lost = [Streamed(number) for number in range(20)], [Streamed(number) for number in range(20, 30)]
    async with openai_of(system, "gateway-2", max_retries=0) as client, asyncio.TaskGroup() as group:
        background = [
            await client.responses.create(model="tier:small", input=f"Say {number}", background=True)
            for number in range(10)
        ]
        for stream in kept:
            group.create_task(_stream(base_url(system), stream))
        for stream in lost:
            group.create_task(_stream(base_url(system, "gateway-2"), stream))
        whole = [group.create_task(_whole(system, number)) for number in range(30, 50)]

        async def in_the_middle() -> bool:
            return sum(bool(stream.text) and not stream.ended for stream in (*kept, *lost)) >= 5

        await system.until(in_the_middle, LONG_S, "some streams")
        system.kill("worker-small")
        third = system.add("gateway-3", like="gateway")
        await asyncio.to_thread(wait_ready, [third])
        system.processes["worker-small"].start()
        await system.until(in_the_middle, LONG_S, "streams while the group changed")

        async def all_begun() -> bool:
            return all(stream.job_id for stream in lost)

        await system.until(all_begun, LONG_S, "the ids of what is about to be lost")
        system.kill("gateway-2")
        system.kill("gateway-3")
    assert all(stream.is_answered and not stream.broken for stream in kept), kept
    assert all(stream.is_answered or stream.broken for stream in lost), lost
    answers = [task.result() for task in whole]

    ids = [response.id.removeprefix("resp_") for response in background]
    ids += [stream.job_id for stream in lost]

    async def all_there() -> bool:
        states = await asyncio.gather(*(_look_up(system, job_id) for job_id in ids))
        return all(status == "completed" and text for status, text in states)

    await system.until(all_there, LONG_S, "the outcomes of who is gone")
    for stream in kept:
        status, text = await _look_up(system, stream.job_id)
        assert text.startswith(stream.text)
        assert (status, text) == ("completed", stream.text) or "error" in stream.chunks[-1]
    submitted = [job_id for job_id, _ in answers]
    submitted += [*(stream.job_id for stream in kept), *(str(UUID(hex=id)) for id in ids)]
    assert len(set(submitted)) == len(submitted) == 60
    assert await system.problems(submitted) == []
    await system.order_faults()
