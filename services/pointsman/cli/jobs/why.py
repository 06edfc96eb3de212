"""`pointsman why`: the decision about a job, check by check."""

from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.cli.options import Job, Json, PolicyPath, RecordSettings
from pointsman.runtime.terminal import screen

if TYPE_CHECKING:
    from pathlib import Path
    from uuid import UUID

    from pointsman.claims.whole_messages import WholeMessages
    from pointsman.cli.show.decisions.verdict import Verdict
    from pointsman.router.recorded.policy_record import PolicyRecord
    from pointsman.store.ask.jobs import Jobs


async def why(
    job: Job,
    *,
    recompute: Annotated[
        bool,
        typer.Option("--recompute", help="Decide again with the recorded policy and model, and compare."),
    ] = False,
    as_json: Json = False,
    settings: RecordSettings,
    router: PolicyPath,
) -> None:
    """Show why a job was routed to its tier.

    Lists each check with both sides of its comparison, in the order of evaluation; then the rule, the
    runner-up, the policy and the outcome. If the score was used, shows what in the text counted for and
    against each tier. For a rejected job, shows what rejected it.

    With --recompute, decides the job again with the recorded policy and model. If a byte differs, prints a
    diff and exits 1.
    """
    from pointsman.cli import job_id
    from pointsman.cli.large_values import on_record
    from pointsman.cli.show.decisions.recomputed import flat, recomputed
    from pointsman.cli.show.decisions.verdict import verdict
    from pointsman.router.recorded.policy_record import PolicyRecord
    from pointsman.router.recorded.recorded_decision import recompute as decide_again
    from pointsman.store.ask.decisions import Decisions
    from pointsman.store.ask.jobs import Jobs

    dsn, master = settings.postgres, settings.master_key
    async with (
        Jobs.opened(dsn, master) as jobs,
        Decisions.opened(dsn, master) as decisions,
        on_record() as messages,
    ):
        record, full_id = PolicyRecord(decisions, settings, settings.topics), await job_id.find(jobs, job)
        if recompute:
            comparison = await decide_again(full_id, decisions, record, messages, router.policy)
        else:
            answer = await _verdict(full_id, jobs, record, messages, router.policy)
    if recompute:
        screen.report(flat(comparison), recomputed(comparison), as_json=as_json)
        raise typer.Exit(int(not comparison.same))
    result = {
        "job": answer.state,
        "policy": answer.policy_name,
        "decision": answer.decision,
        "saw": answer.saw,
        "outcome": answer.outcome,
        "dead_letters": answer.dead_letters,
    }
    screen.report(result, verdict(answer), as_json=as_json)


async def _verdict(
    job_id: "UUID", jobs: "Jobs", record: "PolicyRecord", messages: "WholeMessages", at_hand: "Path"
) -> "Verdict":
    """Return what is recorded about the job, and the features that the score found in it."""
    from pointsman.cli.large_values import whole_ended
    from pointsman.cli.show.decisions.verdict import Verdict
    from pointsman.router.recorded.recorded_decision import made_by
    from pointsman_schemas.jobs import JobRouted

    routed = await jobs.decision(job_id)
    decision, name, saw = None, None, None
    if routed is not None:
        value, lost = await messages.whole_value(JobRouted.TYPE, routed.value)
        decision = routed.message.decision
        name, saw = await made_by(record, JobRouted.model_validate_json(value), at_hand, lost)
    state = (await jobs.states([job_id]))[0]
    outcome = await whole_ended(await jobs.outcome(job_id), messages)
    return Verdict(state, decision, name, outcome, await jobs.timeline(job_id), saw)
