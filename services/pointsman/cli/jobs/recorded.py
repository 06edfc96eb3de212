"""A decision on record with what it was made by: the policy and the model, on record or at hand."""

import base64
from pathlib import Path
from typing import Any

import orjson

from pointsman.cli import job_id
from pointsman.cli.large_values import on_record, whole_ended
from pointsman.cli.settings import CliSettings
from pointsman.cli.show.decisions.recomputed import Recomputed
from pointsman.cli.show.decisions.verdict import Saw, Verdict
from pointsman.router.policy.cascade_section import ACCEPT
from pointsman.router.policy.policy import Policy
from pointsman.router.policy.policy_file import SHADOW, PolicyFile, load, parse
from pointsman.router.policy.policy_record import PolicyRecord
from pointsman.router.policy.recompute import canonical, decide_again
from pointsman.router.scoring.opinion_section import OPINION
from pointsman.router.scoring.score_section import SCORE
from pointsman.router.shadow import OF as SHADOW_OF
from pointsman.runtime.errors import CommandError
from pointsman.runtime.yaml_file import FileError
from pointsman.score.text import text_of
from pointsman.store.ask.decisions import open_decisions
from pointsman.store.ask.jobs import open_jobs
from pointsman_schemas.jobs import JobRouted
from pointsman_schemas.models import NamedModel


class NotOnRecordError(CommandError):
    """The policy, or the model that it names, is neither on record nor at hand."""


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
            name, saw = await _made_by(record, JobRouted.model_validate_json(value), at_hand, lost)
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
        full_id = await job_id.find(jobs, job)
        value = await decisions.value(full_id)
        if value is None:
            raise CommandError(
                f"job {full_id} was never routed: there is no decision to make again",
                f"what became of it: pointsman why {full_id}",
            )
        value, lost = await whole.whole_value(JobRouted.TYPE, value)
        if lost is not None:
            raise CommandError(f"job {full_id} cannot be decided again: {lost}")
        routed = JobRouted.model_validate_json(value)
        if routed.decision.rule == SHADOW:
            raise CommandError(
                f"job {full_id} is a shadow: its tier stands in the policy, nothing decided it",
                f"the job that it repeats: pointsman why {routed.job.metadata[SHADOW_OF]} --recompute",
            )
        file = await policy_of(record, routed.decision.policy_version, at_hand)
    recomputed = decide_again(Policy.compile(file), routed.job, routed.decision)
    recorded: dict[str, Any] = orjson.loads(value)["decision"]
    model = None if file.score is None else file.score.model.model
    return Recomputed(
        full_id,
        file.version,
        None if model is None else f"{model.name}@{model.version}",
        canonical(recorded),
        canonical(recomputed),
    )


async def _made_by(
    record: PolicyRecord, routed: JobRouted, at_hand: Path, lost: str | None
) -> tuple[str | None, Saw | None]:
    """The policy's name, and what the score saw where it was asked; `lost`: why the text is not there."""
    scored = any(check.layer == "score" for check in routed.decision.checks)
    try:
        file = await policy_of(record, routed.decision.policy_version, at_hand, everywhere=scored)
    except (CommandError, FileError, ValueError) as error:  # the decision stands whatever became of these
        return None, Saw("", {}, str(error).removeprefix("error: ").partition("\n")[0]) if scored else None
    if not scored or lost is not None:
        return file.name, Saw("", {}, lost) if scored else None
    scorer = Policy.compile(file).scorer
    return file.name, Saw(scorer.name, scorer.reasons(text_of(routed.job.request.messages)))


async def policy_of(
    record: PolicyRecord, version: str, at_hand: Path, *, everywhere: bool = True
) -> PolicyFile:
    """The policy of that version: in the database, else the file `at_hand`, else on the topic.

    `everywhere` False: the topic is not asked, which takes a while where there is no broker.

    Raises:
        NotOnRecordError: it is nowhere.
        CommandError: what is on record is not what its version says.
    """
    applied = await record.policy(version)
    if applied is None and (file := _at_hand(at_hand, version)) is not None:
        return file
    if applied is None and everywhere:
        applied = await record.policy_on_topic(version)
    if applied is None:
        raise NotOnRecordError(
            f"policy {version} is neither on record nor at hand",
            "routers put theirs on record when they start, on the topic `policy`; name the file it was "
            "by --policy FILE",
        )
    content = {
        named.sha256: await _content(record, named, version)
        for named in (applied.model, applied.accept, applied.opinion)
        if named is not None
    }
    found = parse(
        applied.text,
        f"policy {version} on record",
        read_model=lambda _: SCORE.read(content[applied.model.sha256 if applied.model else ""]),
        read_accept=lambda _: ACCEPT.read(content[applied.accept.sha256 if applied.accept else ""]),
        read_opinion=lambda _: OPINION.read(content[applied.opinion.sha256 if applied.opinion else ""]),
    )
    if found.version != version:
        raise CommandError(
            f"what is on record as policy {version} has the version {found.version}",
            "it was written by another release of pointsman, or changed: pointsman audit verify",
        )
    return found


async def _content(record: PolicyRecord, named: NamedModel, version: str) -> bytes:
    recorded = await record.model(named.sha256)
    if recorded is None:
        model = f"{named.name}@{named.version} (SHA-256 {named.sha256})"
        raise NotOnRecordError(
            f"the model {model} of policy {version} is not on record",
            "the audit reads it from the topic `policy`; see how far behind it is: pointsman lag",
        )
    return base64.b64decode(recorded.content)


def _at_hand(file: Path, version: str) -> PolicyFile | None:
    try:
        found = load(file)
    except FileError:
        return None
    return found if found.version == version else None
