"""The steps of `pointsman learn --cascade`: train an accept model on jobs that all three tiers answered.

Jobs that a cascade escalated count only if shadows answered them too: their cheap answers fell short, and a
model trained on them would expect that of every answer.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from pointsman.cascade.accept_evidence import AcceptanceEvidence, CheapAnswer
from pointsman.cascade.completion import flaw_of, read_completion
from pointsman.cascade.judge import KEPT
from pointsman.learn.accept import Cascades, fit
from pointsman.learn.lesson import (
    Label,
    Learned,
    LessonRequest,
    check_quality,
    columns,
    jobs_on_record,
    label_of,
    new_policy,
    training,
)
from pointsman.learn.report import expected_cascade
from pointsman.learn.tune import LEAST_LABELS, NEVER
from pointsman.router.policy.cascade_section import ACCEPT, CascadeSection
from pointsman.router.policy.policy_edit import with_accept
from pointsman.router.policy.policy_file import PolicyFile, load_text, parse
from pointsman.router.policy.replay import Price
from pointsman.router.recorded.replaying import Progress, Whole
from pointsman.runtime.errors import CommandError
from pointsman.score.text import text_of
from pointsman.store.ask.labelled import Labelled
from pointsman_schemas.jobs import ChatRequest

Tiers = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Tried(Label):
    """A job that all three tiers answered."""

    evidence: AcceptanceEvidence


async def work(dsn: str, request: LessonRequest, _: Whole, progress: Progress) -> Learned:
    """Read, train, write.

    Raises:
        CommandError: models are not tuned for this quality, or the policy has no cascade of three tiers.
    """
    check_quality(request.quality)
    file, text = load_text(request.policy)
    tiers = _tiers(file)
    learned = Learned(tiers, request.quality, 0, 0, 0, request.tried, request.now, of="accept model")
    tried, lacking = await _tried(dsn, request, tiers)
    learned.labels, learned.judged = len(tried), sum(example.judged for example in tried)
    learned.silent = lacking.pop(None, 0)
    if len(tried) < LEAST_LABELS:
        learned.why_not = (
            f"{len(tried)} jobs have answers of {tiers[0]}, {tiers[1]} and {tiers[2]} that say something,"
            f" {LEAST_LABELS} are needed{_lacks(lacking)}"
        )
        return learned
    cascades = Cascades(tiers, tuple(example.evidence for example in tried), **columns(tried))
    with training(progress) as report_progress:
        origin = {"jobs": len(tried), "judged": learned.judged, "since": request.since.isoformat()}
        trained = fit(cascades, name=f"{file.name}-accept", trained_on=origin, progress=report_progress)
    learned.model = f"{trained.model.name}@{trained.model.version}"
    learned.expected = expected_cascade(trained, cascades, request.quality)
    if trained.model.bars[request.quality] == NEVER:
        learned.why_not = (
            f"no way of accepting {tiers[1]}'s answers keeps {request.quality} of the quality with certainty "
            "enough and costs less than asking the last tier alone"
        )
        return learned
    name = f"models/{trained.model.name}-{trained.model.version}.json"
    new = with_accept(text, name, request.quality)
    policy = new_policy(
        request, lambda: parse(new, str(request.policy), read_accept=lambda _: ACCEPT.read(trained.content))
    )
    learned.write(request, name, trained.content, policy.version, new)
    return learned


def _tiers(file: PolicyFile) -> Tiers:
    section: CascadeSection | None = file.cascade
    if section is None or len(section.tiers) != 3:
        raise CommandError(
            f"the policy {file.name} has no cascade of three tiers to learn for",
            "write one first, by agreement: cascade: {tiers: [small, medium, frontier], accept: agreement}",
            code=2,
        )
    first, second, last = section.tiers
    return first, second, last


async def _tried(dsn: str, request: LessonRequest, tiers: Tiers) -> tuple[list[Tried], Counter[str | None]]:
    """Return the usable jobs, and for the others counts of the first tier without an answer (None: none)."""
    tried: list[Tried] = []
    lacking: Counter[str | None] = Counter()
    for rows in await jobs_on_record(dsn, request):
        answers = [row for row in rows if row.response is not None]
        missing = set(tiers) - {row.tier for row in answers}
        example = None if missing else tried_of(answers, tiers, request.price)
        if example is None:
            lacking[next((tier for tier in tiers if tier in missing), None)] += 1
        else:
            tried.append(example)
    return tried, lacking


def tried_of(rows: Sequence[Labelled], tiers: Tiers, price: Price) -> Tried | None:
    """Return the example from a job that all `tiers` answered; None if it has no label."""
    label = label_of(rows, tiers, price)
    if label is None:
        return None
    by_tier = {row.tier: row for row in rows}
    first, second = (_cheap(by_tier[tier], label.request) for tier in tiers[:2])
    if not first.said:  # the worker would not have asked the second tier
        second = CheapAnswer(second.tier, "", 0.0)
    evidence = AcceptanceEvidence(text_of(label.request.messages), first, second)
    return Tried(label.root, label.request, label.points, label.costs, label.judged, evidence)


def _cheap(row: Labelled, request: ChatRequest) -> CheapAnswer:
    """Return the answer as the worker would have judged it; one with a flaw becomes empty and is escalated.

    Its tokens have no probabilities, because the worker does not request them for an accept model.
    """
    try:
        completion = read_completion(row.response or {})
    except (KeyError, IndexError, TypeError, AttributeError):
        return CheapAnswer(row.tier, "", 0.0)
    if flaw_of(completion, request) is not None:
        return CheapAnswer(row.tier, "", 0.0)
    return CheapAnswer(row.tier, completion.text[-KEPT:], completion.tokens)


def _lacks(lacking: Counter[str | None]) -> str:
    counts = [f"{jobs:,} lack {tier}'s answer" for tier, jobs in sorted(lacking.items(), key=str)]
    return f"; of the others {', '.join(counts)}" if counts else ""
