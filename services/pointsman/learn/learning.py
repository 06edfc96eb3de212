"""The steps of `pointsman learn`: read what is on record, train, try it, write it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import ValidationError

from pointsman.learn.examples import Examples
from pointsman.learn.labels import Answered, points
from pointsman.learn.lesson import (
    Learned,
    LessonRequest,
    check_quality,
    costs_of,
    jobs_on_record,
    new_policy,
    training,
)
from pointsman.learn.report import expected
from pointsman.learn.train import LEAST_LABELS, fit
from pointsman.learn.tune import NEVER
from pointsman.router.policy.policy_edit import with_score
from pointsman.router.policy.policy_file import load_text, parse
from pointsman.router.policy.replay import PolicyReplay, Price
from pointsman.router.recorded.replaying import Progress, Whole, replay_jobs
from pointsman.router.scoring.score_section import ModelFile
from pointsman.score.text import answered, text_of
from pointsman.store.ask.labelled import Labelled
from pointsman_schemas.jobs import JobRouted


@dataclass(frozen=True, slots=True)
class Label:
    """What one job teaches: points and US dollars for each tier."""

    root: str
    text: str
    points: tuple[float, ...]
    costs: tuple[float, ...]
    judged: bool


async def work(dsn: str, wanted: LessonRequest, whole: Whole, progress: Progress) -> Learned:
    """Read, train, try, write.

    Raises:
        CommandError: the quality is none that can be tuned for, or the new policy would not be one.
    """
    check_quality(wanted.quality)
    file, text = load_text(wanted.policy)
    labels, silent = await _labels(dsn, wanted, file.tiers)
    judged = sum(label.judged for label in labels)
    learned = Learned(file.tiers, wanted.quality, len(labels), judged, silent, wanted.tried, wanted.now)
    if len(labels) < LEAST_LABELS:
        learned.why_not = f"{len(labels)} jobs say something, {LEAST_LABELS} are needed"
        return learned
    examples = _examples(labels, file.tiers)
    with training(progress) as told:
        origin = {"jobs": len(labels), "judged": judged, "since": wanted.since.isoformat()}
        trained = fit(examples, name=file.name, trained_on=origin, progress=told)
    learned.model = f"{trained.model.name}@{trained.model.version}"
    learned.expected = expected(trained, examples, wanted.quality)
    if trained.model.bars[wanted.quality] == NEVER:
        learned.why_not = f"no cheaper tier keeps {wanted.quality} of the quality with certainty enough"
        return learned
    name = f"models/{file.name}-{trained.model.version}.json"
    new = with_score(text, name, wanted.quality)
    model = ModelFile.holding(trained.content, trained.model)
    policy = new_policy(wanted, lambda: parse(new, str(wanted.policy), read_model=lambda _: model))
    learned.replay = PolicyReplay(policy, wanted.price, examples=3)
    await replay_jobs(learned.replay, dsn, wanted.tried, wanted.now, whole=whole, progress=progress)
    learned.write(wanted, name, trained.content, policy.version, new)
    return learned


async def _labels(dsn: str, wanted: LessonRequest, tiers: tuple[str, ...]) -> tuple[list[Label], int]:
    """What there is to learn from, and how many jobs were read of which nothing is known."""
    jobs = await jobs_on_record(dsn, wanted)
    labels = [label for rows in jobs if (label := _label(rows, tiers, wanted.price)) is not None]
    return labels, len(jobs) - len(labels)


def _label(rows: Sequence[Labelled], tiers: tuple[str, ...], price: Price) -> Label | None:
    try:
        job = JobRouted.model_validate_json(rows[0].value).job
    except ValidationError:  # of another release, or erased
        return None
    answers = {row.tier: Answered(answered(row.response), row.verdict) for row in rows if row.response}
    label = points(answers, tiers)
    costs = costs_of(rows, tiers, price)
    if label is None or costs is None:
        return None
    judged = any(row.verdict is not None for row in rows)
    return Label(str(rows[0].root), text_of(job.request.messages), label, costs, judged)


def _examples(labels: Sequence[Label], tiers: tuple[str, ...]) -> Examples:
    return Examples(
        tiers,
        tuple(label.text for label in labels),
        tuple(label.root for label in labels),
        np.array([label.points for label in labels]),
        np.array([label.costs for label in labels]),
        np.ones(len(labels)),
        np.ones(len(labels), dtype=bool),
    )
