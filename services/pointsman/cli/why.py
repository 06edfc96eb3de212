"""`pointsman why`: the decision about a job, check by check."""

from pathlib import Path

import typer

from pointsman.cli.options import Job, Json, Policy, Postgres, Prefix

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def why(
    job: Job,
    *,
    as_json: Json = False,
    postgres: Postgres = None,
    prefix: Prefix = None,
    policy: Policy = None,
) -> None:
    """Show why a job went where it went.

    Each check with both sides of its comparison, in the order in which it was looked at; then the rule, the
    runner-up, the policy, and what came of the job. For a job that was refused: what refused it.
    """
    import asyncio

    from pointsman.cli import job_id, screen
    from pointsman.cli.settings import CliSettings, load
    from pointsman.cli.show.verdict import Verdict, verdict
    from pointsman.store.jobs import open_jobs

    settings = load(CliSettings, postgres=postgres, prefix=prefix)

    async def ask() -> Verdict:
        async with open_jobs(settings.postgres) as jobs:
            found = await job_id.find(jobs, job)
            routed = await jobs.decision(found)
            decision = None if routed is None else routed.message.decision
            name = None if decision is None else policy_name(policy, decision.policy_version)
            state = (await jobs.states([found]))[0]
            return Verdict(state, decision, name, await jobs.outcome(found), await jobs.timeline(found))

    found = asyncio.run(ask())
    if as_json:
        screen.print_json(
            {
                "job": found.state,
                "policy": found.policy_name,
                "decision": found.decision,
                "outcome": found.outcome,
                "dead_letters": found.dead_letters,
            }
        )
    else:
        screen.show(verdict(found))


def policy_name(policy: Path | None, version: str) -> str | None:
    """The name of the policy at hand, if it is the one of that version; else None."""
    from pointsman.cli.settings import load
    from pointsman.router.policy_file import load as load_policy
    from pointsman.router.settings import RouterSettings
    from pointsman.runtime.yaml_file import FileError

    try:
        found = load_policy(load(RouterSettings, policy=policy).policy)
    except FileError:
        return None  # the decision stands on record whatever became of the file
    return found.name if found.version == version else None
