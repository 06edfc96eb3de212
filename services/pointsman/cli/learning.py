"""The steps of `pointsman learn`: read what is on record, train, try it, write it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from pointsman.cli import screen
from pointsman.cli.errors import CommandError
from pointsman.cli.replaying import replay_jobs
from pointsman.cli.show.words import answered
from pointsman.learn.examples import Examples
from pointsman.learn.labels import Answered, points
from pointsman.learn.report import Expected, expected
from pointsman.learn.train import LEAST_LABELS, fit
from pointsman.learn.tune import NEVER, QUALITIES
from pointsman.router.policy import Policy
from pointsman.router.policy_edit import with_score
from pointsman.router.policy_file import load_text, parse
from pointsman.router.replay import Price, Replay
from pointsman.router.score_section import ModelFile
from pointsman.runtime.yaml_file import FileError
from pointsman.score.text import text_of
from pointsman.store.labelled import Labelled, labelled
from pointsman_schemas.jobs import JobRouted


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to learn from and for; `tried`: since when jobs are decided again by what was learned."""

    policy: Path
    out: Path
    since: datetime
    tried: datetime
    now: datetime
    quality: str
    judges: Sequence[str] | None
    price: Price


@dataclass(frozen=True, slots=True)
class Label:
    """What one job teaches: points and US dollars for each tier."""

    root: str
    text: str
    points: tuple[float, ...]
    costs: tuple[float, ...]
    judged: bool


@dataclass(slots=True)
class Learned:
    """What came of it; `policy` None: nothing was written, for `why_not`.

    `of`: what was learned, a score or an accept model. `since`, `until`: of the jobs that were decided again.
    `silent`: jobs read that say nothing.
    """

    tiers: tuple[str, ...]
    quality: str
    labels: int
    judged: int
    silent: int
    since: datetime
    until: datetime
    model: str | None = None
    expected: Expected | None = None
    replay: Replay | None = None
    policy: Path | None = None
    model_file: Path | None = None
    why_not: str | None = None
    of: str = "score"

    def write(self, wanted: Wanted, name: str, content: bytes, version: str, text: str) -> None:
        """The model's file and, beside it, the policy of that version that names it."""
        self.model_file = wanted.out / name
        self.policy = wanted.out / f"{wanted.policy.stem}.{version}.yaml"
        self.model_file.parent.mkdir(parents=True, exist_ok=True)
        self.model_file.write_bytes(content)
        self.policy.write_text(text, encoding="utf-8")


def check_quality(quality: str) -> None:
    """Raises: CommandError: nothing can be tuned for it."""
    if quality not in QUALITIES:
        known = ", ".join(QUALITIES)
        raise CommandError(f"nothing is tuned for {quality}", f"say one of {known}", code=2)


async def work(dsn: str, wanted: Wanted) -> Learned:
    """Read, train, try, write.

    Raises:
        CommandError: the quality is none that can be tuned for, or the new policy would not be one.
    """
    check_quality(wanted.quality)
    file, text = load_text(wanted.policy)
    labels, silent = await _labels(dsn, wanted, file.tiers)
    judged = sum(label.judged for label in labels)
    found = Learned(file.tiers, wanted.quality, len(labels), judged, silent, wanted.tried, wanted.now)
    if len(labels) < LEAST_LABELS:
        found.why_not = f"{len(labels)} jobs say something, {LEAST_LABELS} are needed"
        return found
    examples = _examples(labels, file.tiers)
    with screen.progress(100, "% trained") as advance:
        done = 0

        def told(share: float) -> None:
            nonlocal done
            advance(round(100 * share) - done)
            done = round(100 * share)

        said = {"jobs": len(labels), "judged": judged, "since": wanted.since.isoformat()}
        trained = fit(examples, name=file.name, trained_on=said, progress=told)
    found.model = f"{trained.model.name}@{trained.model.version}"
    found.expected = expected(trained, examples, wanted.quality)
    if trained.model.bars[wanted.quality] == NEVER:
        found.why_not = f"no cheaper tier keeps {wanted.quality} of the quality with certainty enough"
        return found
    name = f"models/{file.name}-{trained.model.version}.json"
    new = with_score(text, name, wanted.quality)
    model = ModelFile.holding(trained.content, trained.model)
    try:
        policy = Policy.compile(parse(new, str(wanted.policy), read_model=lambda _: model))
    except FileError as error:
        hint = f"mend {wanted.policy} first"
        raise CommandError(f"the new policy would not be one: {error}", hint) from error
    found.replay = Replay(policy, wanted.price, examples=3)
    await replay_jobs(found.replay, dsn, wanted.tried, wanted.now)
    found.write(wanted, name, trained.content, policy.version, new)
    return found


async def _labels(dsn: str, wanted: Wanted, tiers: tuple[str, ...]) -> tuple[list[Label], int]:
    """What there is to learn from, and how many jobs were read of which nothing is known."""
    labels: list[Label] = []
    silent = 0
    async with labelled(dsn, wanted.since, wanted.judges) as rows:
        read = [row async for row in rows]
    for _, group in groupby(read, key=lambda row: row.root):
        label = _label(list(group), tiers, wanted.price)
        if label is None:
            silent += 1
        else:
            labels.append(label)
    return labels, silent


def _label(rows: Sequence[Labelled], tiers: tuple[str, ...], price: Price) -> Label | None:
    try:
        job = JobRouted.model_validate_json(rows[0].value).job
    except ValidationError:  # of another release, or erased
        return None
    answers = {row.tier: Answered(answered(row.response), row.verdict) for row in rows if row.response}
    found = points(answers, tiers)
    costs = costs_of(rows, tiers, price)
    if found is None or costs is None:
        return None
    judged = any(row.verdict is not None for row in rows)
    return Label(str(rows[0].root), text_of(job.request.messages), found, costs, judged)


def costs_of(rows: Sequence[Labelled], tiers: tuple[str, ...], price: Price) -> tuple[float, ...] | None:
    """What each tier's answer cost, or would have at the tokens of one that there is."""
    paid = {row.tier: row.cost_usd for row in rows}
    used = next(((row.tokens_in, row.tokens_out) for row in rows if row.tokens_in is not None), None)
    found = []
    for tier in tiers:
        cost = paid.get(tier)
        if cost is None and used is not None:
            cost = price(tier, used[0] or 0, used[1] or 0)
        if cost is None:
            return None
        found.append(float(cost))
    return tuple(found)


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
