"""Answers never share an id, not even for the same request at the same time."""

from typing import Any

import orjson

from pointsman.dev.simulator.app import build
from pointsman.dev.simulator.settings import SimulatorSettings

BODY = orjson.dumps({"model": "gpt-4.1-nano", "messages": [{"role": "user", "content": "Hello"}]})


async def test_ids_differ_when_the_clock_stands_still() -> None:
    app = build(SimulatorSettings(latency_ms={"small": 0}), clock=lambda: 1_700_000_000.0)
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": BODY}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/chat/completions",
        "headers": [(b"authorization", b"Bearer k")],
    }
    for _ in range(3):
        await app(scope, receive, send)
    answers = [orjson.loads(message["body"]) for message in sent if "body" in message]
    assert len({answer["id"] for answer in answers}) == 3
    assert {answer["created"] for answer in answers} == {1_700_000_000}
    assert len({dict(message["headers"])[b"x-request-id"] for message in sent if "headers" in message}) == 3
