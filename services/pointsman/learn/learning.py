"""The steps of `pointsman learn`: read recorded jobs, train, replay, write."""

from pointsman.learn.examples import Examples
from pointsman.learn.lesson import (
    Learned,
    LessonRequest,
    check_quality,
    columns,
    jobs_on_record,
    label_of,
    new_policy,
    training,
)
from pointsman.learn.report import expected
from pointsman.learn.train import fit
from pointsman.learn.tune import LEAST_LABELS, NEVER
from pointsman.router.policy.policy_edit import with_score
from pointsman.router.policy.policy_file import load_text, parse
from pointsman.router.policy.replay import PolicyReplay
from pointsman.router.recorded.replaying import Progress, Whole, replay_jobs
from pointsman.router.scoring.score_section import ModelFile
from pointsman.score.text import text_of


async def work(dsn: str, wanted: LessonRequest, whole: Whole, progress: Progress) -> Learned:
    """Read, train, replay, write.

    Raises:
        CommandError: models are not tuned for this quality, or the new policy would be invalid.
    """
    check_quality(wanted.quality)
    file, text = load_text(wanted.policy)
    jobs = await jobs_on_record(dsn, wanted)
    labels = [label for rows in jobs if (label := label_of(rows, file.tiers, wanted.price)) is not None]
    judged, silent = sum(label.judged for label in labels), len(jobs) - len(labels)
    learned = Learned(file.tiers, wanted.quality, len(labels), judged, silent, wanted.tried, wanted.now)
    if len(labels) < LEAST_LABELS:
        learned.why_not = f"{len(labels)} jobs say something, {LEAST_LABELS} are needed"
        return learned
    texts = tuple(text_of(label.request.messages) for label in labels)
    examples = Examples(file.tiers, texts, **columns(labels))
    with training(progress) as report_progress:
        origin = {"jobs": len(labels), "judged": judged, "since": wanted.since.isoformat()}
        trained = fit(examples, name=file.name, trained_on=origin, progress=report_progress)
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
