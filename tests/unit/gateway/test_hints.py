"""A request that goes nowhere is told what to do instead."""

from types import SimpleNamespace
from typing import Any, cast

import httpx2
import pytest

from pointsman.gateway.asking.caller import Callers
from pointsman.gateway.errors import ApiError
from pointsman.gateway.web import web_app
from pointsman_schemas.control.registry import AgentEntry
from tests.support.review.cases import NOW


async def asked(method: str, path: str) -> httpx2.Response:
    transport = httpx2.ASGITransport(app=web_app(cast(Any, None)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://gateway") as client:
        return await client.request(method, path)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/chat/completions", "POST"),
        ("GET", "/v1/messages", "POST"),
        ("POST", "/v1/models/x", "GET"),
        ("POST", "/v1/models", "GET"),
        ("POST", "/v1/files/file-1", "DELETE, GET"),
        ("DELETE", "/v1/files", "GET, POST"),
    ],
)
async def test_another_method_is_named(method: str, path: str, allowed: str) -> None:
    response = await asked(method, path)
    assert (response.status_code, response.headers["allow"]) == (405, allowed)
    assert response.json()["error"]["message"] == f"{path} takes no {method}: use {allowed}"


async def test_a_path_that_does_not_exist_has_no_method_to_try() -> None:
    response = await asked("POST", "/v1/nothing")
    assert response.status_code == 404
    assert response.json()["error"]["message"] == (
        "there is no /v1/nothing here; /openapi.json says what there is"
    )


def test_who_reviews_nothing_is_not_given_an_entry_that_would_replace_their_own() -> None:
    in_force = SimpleNamespace(
        agent_of_key=lambda key, now: "app", entry=lambda agent_id: AgentEntry(id="app", owner="x")
    )
    with pytest.raises(ApiError) as refused:
        Callers(cast(Any, in_force), None).reviewer({"x-api-key": "k"}, NOW)
    assert refused.value.message == "app is no reviewer: its entry in agents.yaml has no `reviews: [QUEUE]`"
