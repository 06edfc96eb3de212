"""`pointsman publish`: submit jobs from flags or from JSON lines."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli import stdin
from pointsman.cli.key_file import read_key
from pointsman.cli.options import BusSettings, Json, Key
from pointsman.runtime.clock import utc_now
from pointsman.runtime.errors import CommandError
from pointsman.runtime.terminal import screen

if TYPE_CHECKING:
    from uuid import UUID

    from pointsman.cli.jobs.job_input import JobLines
    from pointsman_schemas.jobs import Job


async def publish(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="JSON lines, one job each; - is stdin.")
    ] = None,
    *,
    jsonl: Annotated[Path | None, typer.Option(metavar="FILE", help="Same as FILE.")] = None,
    agent: Annotated[
        str | None, typer.Option(metavar="ID", envvar="POINTSMAN_AGENT", help="The agent that asks.")
    ] = None,
    prompt: Annotated[str | None, typer.Option(metavar="TEXT", help="The prompt; - reads stdin.")] = None,
    kind: Annotated[str | None, typer.Option(metavar="KIND", help="Task kind, e.g. sql.")] = None,
    tier: Annotated[str | None, typer.Option(metavar="TIER", help="Ask for this tier.")] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="May be repeated; VALUE is JSON or a text.")
    ] = None,
    deadline: Annotated[
        str | None, typer.Option(metavar="WHEN", help="30s, 5m, 2h, 1d from now, or an RFC 3339 time.")
    ] = None,
    order_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Jobs with the same key run one after another.")
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="Passed to the provider, e.g. temperature=0.2; may be repeated."
        ),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Skip invalid lines and send the others; exit 1.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Print each outcome as it comes.")] = False,
    timeout_s: Annotated[
        float | None,
        typer.Option(
            "--timeout",
            metavar="SECONDS",
            min=0.001,
            help="How long to connect, and to --wait; without it, for ever.",
        ),
    ] = None,
    key: Key = None,
    as_json: Json = False,
    settings: BusSettings,
) -> int:
    """Publish one job from flags, or many from JSON lines.

    One job: pointsman publish --agent me --prompt "Why is the sky blue?" --wait

    Many: pointsman publish jobs.jsonl. Each line is an object with agent_id and prompt (or messages), and
    what else the job or the provider needs. Every line is checked before the first is sent; flags fill in
    what a line leaves out. Lines of an OpenAI batch file (custom_id and body) are taken too: with --wait
    their outcomes are lines of a batch's output file.

    Prints the jobs' ids, one to a line; with --wait the outcomes, as JSON lines unless a terminal shows them.
    Exit 1 if a job did not complete.
    """
    from pointsman.claims.settings import ClaimsPart
    from pointsman.cli.jobs.job_input import deadline as read_deadline
    from pointsman.cli.jobs.job_input import pairs
    from pointsman.cli.jobs.send import Sending, send
    from pointsman.cli.settings import load
    from pointsman.client.job import largest_job

    if timeout_s is not None and not wait:
        raise typer.BadParameter("--timeout bounds --wait, which is not given")
    try:
        body = {
            **pairs(param or ()),
            "agent_id": agent,
            "kind": kind,
            "tier": tier,
            "metadata": pairs(metadata or ()) or None,
            "deadline": read_deadline(deadline, utc_now()) if deadline else None,
            "order_key": order_key,
        }
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    defaults = {name: value for name, value in body.items() if value is not None}
    largest = largest_job(load(ClaimsPart))
    source = file or jsonl
    custom_ids: dict[UUID, str] = {}
    if source is None:
        jobs, complete = [_one(defaults, prompt, largest)], True
    elif prompt is not None or param:
        raise typer.BadParameter("--prompt and --param are for a single job, not for lines of them")
    else:
        jobs, bad, custom_ids = _many(source, defaults, largest, skip_bad)
        complete = not bad
    sending = Sending(
        settings, wait=wait, timeout_s=timeout_s, as_json=as_json, key=read_key(key), custom_ids=custom_ids
    )
    all_done = await send(jobs, sending)
    return 0 if complete and all_done else 1


def _one(defaults: dict[str, object], prompt: str | None, largest: int) -> "Job":
    from pointsman.cli.jobs.job_input import as_body, read_job

    if "agent_id" not in defaults:
        raise typer.BadParameter("say who asks: --agent ID, or POINTSMAN_AGENT in the environment")
    if prompt == "-":
        prompt = stdin.read_text()
    if prompt is None and "messages" not in defaults:
        raise typer.BadParameter("say what is asked: --prompt TEXT, or name a file of JSON lines")
    checked = read_job(as_body({**defaults, "prompt": prompt}), utc_now, largest)
    if isinstance(checked, str):
        raise typer.BadParameter(checked)
    return checked


def _many(source: Path, defaults: dict[str, object], largest: int, skip_bad: bool) -> "JobLines":
    """Return the jobs in the lines; there is at least one."""
    from pointsman.cli.jobs.job_input import read_jobs

    lines = stdin.read_bytes(source).split(b"\n")
    job_lines = jobs, bad, _ = read_jobs(lines, defaults, utc_now, largest)
    for problem in bad[:SHOWN]:
        screen.note(problem)
    if len(bad) > SHOWN:
        screen.note(f"... and {len(bad) - SHOWN} more")
    if bad and not (skip_bad and jobs):
        fix = "fix them, or send only the others: --skip-bad" if jobs else "see the lines above"
        raise CommandError(f"{len(bad)} of {len(bad) + len(jobs)} lines are not jobs; nothing was sent", fix)
    if not jobs:
        raise CommandError(f"no jobs in {source}", "each line must be one JSON object")
    return job_lines


#: Most invalid lines to print.
SHOWN = 20
