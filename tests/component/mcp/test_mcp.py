"""`pointsman mcp`, called with the official MCP SDK: a post-mortem by an assistant."""

import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.support.running.servers import Servers
from tests.support.store.audit_store import as_auditor
from tests.support.store.incident import MODELS, START, failing_agent, recorded, unreadable

pytest.importorskip("mcp")

from mcp import Client, StdioServerParameters

from pointsman.mcp.server import build

pytestmark = pytest.mark.stack

HIT = next(job for job in failing_agent() if job.end == "failed")
SPAN = {"since": START.isoformat(), "until": (START + timedelta(hours=2)).isoformat()}


@pytest.fixture(scope="module")
def told(stack: Servers) -> Iterator[str]:
    with recorded(stack, failing_agent(), unreadable(1, START, b"{ secret")) as dsn:
        yield as_auditor(dsn)


async def rows(client: Client, tool: str, **arguments: Any) -> list[dict[str, Any]]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    found: list[dict[str, Any]] = result.structured_content["rows"]
    return found


async def test_a_post_mortem_by_tools_alone(told: str) -> None:
    async with Client(await build(told, payloads=True)) as client:
        outcomes = await rows(client, "outcomes", **SPAN)
        assert {"failed", "completed"} == {outcome["status"] for outcome in outcomes}
        suspect = (await rows(client, "suspects", **SPAN))[0]
        assert suspect["value"] == f"{MODELS['small']} + invoice-reader"
        assert await rows(client, "suspects", outcome="retried", **SPAN)
        radius = await rows(
            client, "blast_radius", dimension=suspect["dimension"], value=suspect["value"], **SPAN
        )
        assert len(radius) == 30
        job = {"job_id": suspect["example_job"]}
        assert [row["rule"] for row in await rows(client, "why", **job)] == ["everyday-writing"]
        assert len(await rows(client, "calls", **job)) == 3
        assert (await rows(client, "jobs", **job))[0]["state"] == "failed"
        assert (await rows(client, "sql", query="select count(*) as n from audit.jobs")) == [{"n": 120}]


async def test_every_tool_works(told: str) -> None:
    needed: dict[str, dict[str, Any]] = {
        "blast_radius": {"dimension": "tier", "value": "small"},
        "sql": {"query": "select 1 as one"},
    }
    async with Client(await build(told, payloads=True)) as client:
        tools = (await client.list_tools()).tools
        for tool in tools:
            about_job = {"job_id": str(HIT.id)} if "job_id" in tool.input_schema["properties"] else {}
            await rows(client, tool.name, **needed.get(tool.name, {}), **about_job)
    assert len(tools) >= 24
    assert all("?" in (tool.description or "") or tool.name == "sql" for tool in tools)


async def test_without_payloads_no_content_is_returned(told: str) -> None:
    async with Client(await build(told, payloads=False)) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert "sql" not in names
        said = ""
        for name in ("timeline", "why", "asked", "calls", "jobs", "stages", "actors"):
            found = await rows(client, name, job_id=str(HIT.id))
            assert found
            said += str(found)
        said += str(await rows(client, "dead_letters"))
        for name in ("outcomes", "errors", "suspects"):
            said += str(await rows(client, name, **SPAN))
        asked = await client.call_tool("blast_radius", {"dimension": "word", "value": "secret", **SPAN})
        assert asked.is_error
    assert HIT.prompt not in said
    assert "overloaded" not in said
    assert "secret" not in said
    assert "server_error" in said


async def test_an_invalid_call_is_an_error_with_the_reason(told: str) -> None:
    async with Client(await build(told, payloads=True)) as client:
        for tool, arguments, why in (
            ("blast_radius", {"dimension": "colour", "value": "red"}, "unknown dimension"),
            ("sql", {"query": "delete from audit.message"}, "not a query"),
            ("why", {"job_id": "no id"}, "job_id"),
        ):
            result = await client.call_tool(tool, arguments)
            assert result.is_error
            assert why in str(result.content)


async def test_the_command_serves_over_its_standard_streams(told: str) -> None:
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "pointsman.cli.main", "mcp", "--no-payloads", "--postgres", told],
    )
    async with Client(command) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert {"suspects", "why"} <= tools
        assert (
            len(await rows(client, "blast_radius", dimension="agent_id", value="invoice-reader", **SPAN))
            == 40
        )
