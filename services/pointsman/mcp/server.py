"""An MCP server whose tools are the audit database's questions, for post-mortems by an assistant."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Annotated, Any, Literal
from uuid import UUID

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import AwareDatetime, Field

from pointsman.store.ask.asking import Question, questions, read_only_query
from pointsman.store.errors import StoreError

#: Views that are queried for one job, by its id.
ABOUT_A_JOB = ("jobs", "timeline", "why", "asked", "calls", "stages", "actors")
#: Functions whose only arguments are the start and end of a period.
ABOUT_A_TIME = (
    "outcomes", "errors", "minutes", "changes", "cost_daily", "token_prices", "waste",
    "misroutes", "agents", "talks",
)  # fmt: skip
#: Views without arguments; `dead_letters` and `escalations` are sorted newest first.
AS_IT_IS = {
    "dead_letters": "select * from audit.dead_letters order by broker_at desc",
    "escalations": "select * from audit.escalations order by last_at desc",
    "lag": "select * from audit.lag order by topic, partition",
}
#: Columns that contain what agents sent or models answered.
PAYLOADS = {
    "jobs": {"outcome_message"},
    "timeline": {"payload"},
    "why": {"job"},
    "asked": {"messages", "metadata"},
    "calls": {"request", "response", "error", "error_pattern"},
    "outcomes": {"usual_message"},
    "errors": {"error_pattern"},
    "dead_letters": {"payload", "value", "detail"},
}


_WITHIN = timedelta(seconds=30)
_INSTRUCTIONS = """The audit database of pointsman, which routes jobs of agents to tiers of models. Read only.
A post-mortem goes: outcomes (what is wrong), suspects (what failed, retried or slow jobs have in common),
minutes (since when), blast_radius (what else was hit), then for one example job: why, stages, calls, actors;
changes (what was new before), waste and cost_daily (what it cost). Times are UTC, costs US dollars."""

Answer = dict[str, Any]
JobId = Annotated[UUID, Field(description="the whole id of a job")]
Since = Annotated[AwareDatetime | None, Field(description="begin; default: a day ago")]
Until = Annotated[AwareDatetime | None, Field(description="end, exclusive; default: now")]
Outcome = Annotated[
    Literal["failed", "retried", "slow"], Field(description="jobs that are compared with the good ones")
]
Limit = Annotated[int, Field(description="most rows", ge=1, le=1000)]


async def build(dsn: str, *, payloads: bool) -> MCPServer[Any]:
    """Return the server. Without `payloads`, no tool returns prompts, answers or other sent content.

    Raises:
        StoreUnavailableError, StoreError: the list of questions cannot be read.
    """
    by_name = {question.name: question for question in await questions(dsn)}
    server: MCPServer[Any] = MCPServer("pointsman", instructions=_INSTRUCTIONS)
    tools = AuditTools(dsn, payloads=payloads)
    for name in ABOUT_A_JOB:
        tools.add_about_job(server, name, _described(by_name, name))
    for name in ABOUT_A_TIME:
        tools.add_about_time(server, name, _described(by_name, name))
    for name in AS_IT_IS:
        tools.add_as_it_is(server, name, _described(by_name, name))
    server.tool(description=_described(by_name, "suspects"))(tools.suspects)
    server.tool(description=_described(by_name, "blast_radius"))(tools.blast_radius)
    server.tool(description=_described(by_name, "stuck"))(tools.stuck)
    server.tool(description=_described(by_name, "changes_before"))(tools.changes_before)
    if payloads:
        server.tool(description=_SQL)(tools.sql)
    return server


_SQL = """Ask anything else, in one SELECT.
Views and functions are in the schema audit: `select name, question, example from audit.questions`."""


def _described(by_name: Mapping[str, Question], name: str) -> str:
    question = by_name[name]
    return f"{question.question}\n{question.how}" if question.how else question.question


class AuditTools:
    """The tools' functions. Each returns {"rows": [...], "more": whether there are more}."""

    def __init__(self, dsn: str, *, payloads: bool) -> None:
        self._dsn = dsn
        self._payloads = payloads

    def add_about_job(self, server: MCPServer[Any], name: str, description: str) -> None:
        async def about_job(job_id: JobId, limit: Limit = 100) -> Answer:
            return await self._answer(limit, f"select * from audit.{name} where job_id = $1", job_id, of=name)

        server.tool(name=name, description=description)(about_job)

    def add_about_time(self, server: MCPServer[Any], name: str, description: str) -> None:
        async def about_time(since: Since = None, until: Until = None, limit: Limit = 100) -> Answer:
            span = _span(since, until)
            return await self._answer(limit, f"select * from audit.{name}($1, $2)", *span, of=name)

        server.tool(name=name, description=description)(about_time)

    def add_as_it_is(self, server: MCPServer[Any], name: str, description: str) -> None:
        async def as_it_is(limit: Limit = 100) -> Answer:
            return await self._answer(limit, AS_IT_IS[name], of=name)

        server.tool(name=name, description=description)(as_it_is)

    async def suspects(
        self, since: Since = None, until: Until = None, outcome: Outcome = "failed", limit: Limit = 100
    ) -> Answer:
        text = "select * from audit.suspects($1, $2, $3, words => $4)"
        return await self._answer(limit, text, *_span(since, until), outcome, self._payloads)

    async def blast_radius(
        self, dimension: str, value: str, since: Since = None, until: Until = None, limit: Limit = 100
    ) -> Answer:
        if "word" in dimension and not self._payloads:
            raise ToolError("words of prompts are not shown here\nstart the server without --no-payloads")
        text = "select * from audit.blast_radius($1, $2, $3, $4)"
        return await self._answer(limit, text, dimension, value, *_span(since, until))

    async def stuck(self, older_than_seconds: float = 300, limit: Limit = 100) -> Answer:
        older_than = timedelta(seconds=older_than_seconds)
        return await self._answer(limit, "select * from audit.stuck($1)", older_than)

    async def changes_before(self, job_id: JobId, limit: Limit = 100) -> Answer:
        return await self._answer(limit, "select * from audit.changes_before($1)", job_id)

    async def sql(self, query: str, limit: Limit = 100) -> Answer:
        return await self._answer(limit, query)

    async def _answer(self, limit: int, sql: str, *arguments: object, of: str = "") -> Answer:
        """Run a query. `of` names the question, for which some columns may be hidden."""
        try:
            async with read_only_query(self._dsn, sql, *arguments, within=_WITHIN, by_user=True) as answer:
                rows, more = await answer.first(limit)
        except StoreError as error:
            hint = getattr(error, "hint", "")
            raise ToolError(f"{error}\n{hint}" if hint else str(error)) from error
        hidden = () if self._payloads else PAYLOADS.get(of, ())
        shown = [(place, name) for place, name in enumerate(answer.columns) if name not in hidden]
        return {"rows": [{name: plain(row[place]) for place, name in shown} for row in rows], "more": more}


def _span(since: datetime | None, until: datetime | None) -> tuple[datetime, datetime]:
    now = datetime.now(UTC)
    return since or now - timedelta(days=1), until or now


def plain(value: Any) -> Any:
    """Convert a value to JSON: times in RFC 3339, durations in seconds, amounts as numbers, bytes as text."""
    match value:
        case datetime():
            return (value if value.tzinfo is None else value.astimezone(UTC)).isoformat()
        case timedelta():
            return value.total_seconds()
        case Decimal():
            return float(value) if value.is_finite() else str(value)
        case UUID():
            return str(value)
        case bytes():
            return value.decode("utf-8", "backslashreplace")
        case list():
            return [plain(item) for item in value]
        case dict():
            return {name: plain(item) for name, item in value.items()}
        case float() if not isfinite(value):
            return str(Decimal(value))
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)
