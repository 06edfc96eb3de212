"""The questions of the audit database as an assistant may ask them."""

from dataclasses import dataclass

#: Views that are asked about one job, by its id.
ABOUT_A_JOB = ("jobs", "timeline", "why", "asked", "calls", "stages", "actors")
#: Functions that are asked about a time, and take nothing else.
ABOUT_A_TIME = (
    "outcomes", "errors", "minutes", "changes", "cost_daily", "token_prices", "waste",
    "misroutes", "agents", "talks",
)  # fmt: skip
#: Views that are asked as they are; `dead_letters` and `escalations` newest first.
AS_IT_IS = {
    "dead_letters": "select * from audit.dead_letters order by broker_at desc",
    "escalations": "select * from audit.escalations order by last_at desc",
    "lag": "select * from audit.lag order by topic, partition",
}
#: Columns that hold what agents sent or models answered.
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


@dataclass(frozen=True, slots=True)
class Asking:
    """A question and its arguments; `hidden` are columns that are left out."""

    sql: str
    arguments: tuple[object, ...] = ()
    hidden: frozenset[str] = frozenset()


def of_job(view: str, job_id: object, *, payloads: bool) -> Asking:
    """`view` about one job."""
    return Asking(f"select * from audit.{view} where job_id = $1", (job_id,), hidden(view, payloads=payloads))


def of_time(function: str, since: object, until: object, *, payloads: bool) -> Asking:
    """`function` about a time."""
    shown = hidden(function, payloads=payloads)
    return Asking(f"select * from audit.{function}($1, $2)", (since, until), shown)


def hidden(name: str, *, payloads: bool) -> frozenset[str]:
    """The columns of `name` that are not shown."""
    return frozenset() if payloads else frozenset(PAYLOADS.get(name, ()))
