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


async def work(dsn: str, request: LessonRequest, messages: Whole, progress: Progress) -> Learned:
    """Read, train, replay, write.

    Raises:
        CommandError: models are not tuned for this quality, or the new policy would be invalid.
    """
    check_quality(request.quality)
    file, text = load_text(request.policy)
    jobs = await jobs_on_record(dsn, request)
    labels = [label for rows in jobs if (label := label_of(rows, file.tiers, request.price)) is not None]
    judged, silent = sum(label.judged for label in labels), len(jobs) - len(labels)
    learned = Learned(file.tiers, request.quality, len(labels), judged, silent, request.tried, request.now)
    if len(labels) < LEAST_LABELS:
        learned.why_not = f"{len(labels)} jobs say something, {LEAST_LABELS} are needed"
        return learned
    texts = tuple(text_of(label.request.messages) for label in labels)
    examples = Examples(file.tiers, texts, **columns(labels))
    with training(progress) as report_progress:
        origin = {"jobs": len(labels), "judged": judged, "since": request.since.isoformat()}
        trained = fit(examples, name=file.name, trained_on=origin, progress=report_progress)
    learned.model = f"{trained.model.name}@{trained.model.version}"
    learned.expected = expected(trained, examples, request.quality)
    if trained.model.bars[request.quality] == NEVER:
        learned.why_not = f"no cheaper tier keeps {request.quality} of the quality with certainty enough"
        return learned
    name = f"models/{file.name}-{trained.model.version}.json"
    new = with_score(text, name, request.quality)
    model = ModelFile.holding(trained.content, trained.model)
    policy = new_policy(request, lambda: parse(new, str(request.policy), read_model=lambda _: model))
    learned.replay = PolicyReplay(policy, request.price, examples=3)
    await replay_jobs(learned.replay, dsn, request.tried, request.now, messages=messages, progress=progress)
    learned.write(request, name, trained.content, policy.version, new)
    return learned
