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
def auditor_dsn(stack: Servers) -> Iterator[str]:
    with recorded(stack, failing_agent(), unreadable(1, START, b"{ secret")) as dsn:
        yield as_auditor(dsn)


async def rows(client: Client, tool: str, **arguments: Any) -> list[dict[str, Any]]:
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    answer_rows: list[dict[str, Any]] = result.structured_content["rows"]
    return answer_rows


async def test_a_post_mortem_by_tools_alone(auditor_dsn: str) -> None:
    async with Client(await build(auditor_dsn, payloads=True)) as client:
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


async def test_every_tool_works(auditor_dsn: str) -> None:
    needed: dict[str, dict[str, Any]] = {
        "blast_radius": {"dimension": "tier", "value": "small"},
        "sql": {"query": "select 1 as one"},
    }
    async with Client(await build(auditor_dsn, payloads=True)) as client:
        tools = (await client.list_tools()).tools
        for tool in tools:
            about_job = {"job_id": str(HIT.id)} if "job_id" in tool.input_schema["properties"] else {}
            await rows(client, tool.name, **needed.get(tool.name, {}), **about_job)
    assert len(tools) >= 24
    assert all("?" in (tool.description or "") or tool.name == "sql" for tool in tools)


async def test_without_payloads_no_content_is_returned(auditor_dsn: str) -> None:
    async with Client(await build(auditor_dsn, payloads=False)) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert "sql" not in names
        output = ""
        for name in ("timeline", "why", "asked", "calls", "jobs", "stages", "actors"):
            answer_rows = await rows(client, name, job_id=str(HIT.id))
            assert answer_rows
            output += str(answer_rows)
        output += str(await rows(client, "dead_letters"))
        for name in ("outcomes", "errors", "suspects"):
            output += str(await rows(client, name, **SPAN))
        asked = await client.call_tool("blast_radius", {"dimension": "word", "value": "secret", **SPAN})
        assert asked.is_error
    assert HIT.prompt not in output
    assert "overloaded" not in output
    assert "secret" not in output
    assert "server_error" in output


async def test_an_invalid_call_is_an_error_with_the_reason(auditor_dsn: str) -> None:
    async with Client(await build(auditor_dsn, payloads=True)) as client:
        for tool, arguments, why in (
            ("blast_radius", {"dimension": "colour", "value": "red"}, "unknown dimension"),
            ("sql", {"query": "delete from audit.message"}, "not a query"),
            ("why", {"job_id": "no id"}, "job_id"),
        ):
            result = await client.call_tool(tool, arguments)
            assert result.is_error
            assert why in str(result.content)


async def test_the_command_serves_over_its_standard_streams(auditor_dsn: str) -> None:
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "pointsman.cli.main", "mcp", "--no-payloads", "--postgres", auditor_dsn],
    )
    async with Client(command) as client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        assert {"suspects", "why"} <= tools
        assert (
            len(await rows(client, "blast_radius", dimension="agent_id", value="invoice-reader", **SPAN))
            == 40
        )
