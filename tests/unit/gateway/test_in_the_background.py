"""A background request is answered at once, and its caller may be notified later."""

from types import SimpleNamespace
from typing import Any, cast

import httpx2
import pytest

from pointsman.gateway.door import Door
from pointsman.gateway.job_reply import JobReply
from pointsman.gateway.web import web_app
from pointsman.runtime.clock import utc_now
from pointsman_schemas.base import Json
from tests.support.gateway.heard import job


class FakeDoor(Door):
    """Accepts every request, and records which callers want a notification."""

    def __init__(self) -> None:
        self.told: list[JobReply] = []
        self.clock = utc_now
        self.models = cast(Any, SimpleNamespace(tier=lambda _: "small"))
        self.webhooks = cast(Any, SimpleNamespace(tell=self.told.append))

    def agent(self, request: Any) -> str:
        return "app"

    async def reply(self, *_: Any, **__: Any) -> JobReply:
        return JobReply(job(), 0, cast(Any, None))

    async def body(self, request: Any) -> tuple[Json, bytes]:
        return await request.json(), b""


CHAT = {"messages": [{"role": "user", "content": "Hi"}]}
ASYNC = {"prefer": "respond-async"}


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/v1/chat/completions", CHAT, ASYNC, 202),
        ("/v1/responses", {"input": "Hi"}, ASYNC, 202),
        ("/v1/responses", {"input": "Hi", "background": True}, {}, 200),
    ],
    ids=["chat", "response", "background"],
)
async def test_each_route_answers_at_once(path: str, body: Json, headers: Json, status: int) -> None:
    door = FakeDoor()
    transport = httpx2.ASGITransport(app=web_app(door))
    async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
        answer = await client.post(path, json=body, headers=headers)
    assert answer.status_code == status
    (reply,) = door.told
    assert answer.json()["id"] == f"resp_{reply.job_id.hex}"
    assert answer.json()["status"] == "queued"
    assert answer.headers["x-pointsman-job-id"] == str(reply.job_id)
