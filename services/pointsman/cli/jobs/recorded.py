"""What commands say about one job: what is on record, and its decision made again."""

from pathlib import Path

from pointsman.cli import job_id
from pointsman.cli.large_values import on_record, whole_ended
from pointsman.cli.settings import CliSettings
from pointsman.cli.show.decisions.verdict import Verdict
from pointsman.router.recorded.policy_record import PolicyRecord
from pointsman.router.recorded.recorded_decision import Recomputed, made_by, recompute
from pointsman.store.ask.decisions import open_decisions
from pointsman.store.ask.jobs import open_jobs
from pointsman_schemas.jobs import JobRouted


async def ask(settings: CliSettings, job: str, at_hand: Path) -> Verdict:
    """What is on record about the job whose id begins or ends with `job`, and what the score saw in it."""
    dsn, master = settings.postgres, settings.master_key
    async with (
        open_jobs(dsn, master) as jobs,
        open_decisions(dsn, master) as decisions,
        on_record() as whole,
    ):
        record = PolicyRecord(decisions, settings, settings.topics)
        full_id = await job_id.find(jobs, job)
        routed = await jobs.decision(full_id)
        decision, name, saw = None, None, None
        if routed is not None:
            value, lost = await whole.whole_value(JobRouted.TYPE, routed.value)
            decision = routed.message.decision
            name, saw = await made_by(record, JobRouted.model_validate_json(value), at_hand, lost)
        state = (await jobs.states([full_id]))[0]
        outcome = await whole_ended(await jobs.outcome(full_id), whole)
        return Verdict(state, decision, name, outcome, await jobs.timeline(full_id), saw)


async def recompute_job(settings: CliSettings, job: str, at_hand: Path) -> Recomputed:
    """The decision on record about a job, and the one that its policy makes of it now.

    Raises:
        CommandError: the job was never routed, or what it was decided by is nowhere.
    """
    dsn, master = settings.postgres, settings.master_key
    async with (
        open_jobs(dsn, master) as jobs,
        open_decisions(dsn, master) as decisions,
        on_record() as whole,
    ):
        record = PolicyRecord(decisions, settings, settings.topics)
        return await recompute(await job_id.find(jobs, job), decisions, record, whole, at_hand)
