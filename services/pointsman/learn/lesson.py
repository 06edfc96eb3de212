"""What both kinds of learning share: request, result, and the steps around the training."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from pointsman.learn.labels import Answered, points
from pointsman.learn.report import Expected
from pointsman.learn.tune import QUALITIES
from pointsman.router.policy.policy import Policy
from pointsman.router.policy.policy_file import PolicyFile
from pointsman.router.policy.replay import PolicyReplay, Price
from pointsman.router.recorded.replaying import Progress
from pointsman.runtime.errors import CommandError
from pointsman.runtime.yaml_file import FileError
from pointsman.score.text import answered
from pointsman.store.ask.labelled import Labelled, labelled
from pointsman_schemas.jobs import ChatRequest, JobRouted


@dataclass(frozen=True, slots=True)
class LessonRequest:
    """What to learn from and for; `tried`: start of the period whose jobs are replayed."""

    policy: Path
    out: Path
    since: datetime
    tried: datetime
    now: datetime
    quality: str
    judges: Sequence[str] | None
    price: Price


@dataclass(slots=True)
class Learned:
    """The result; without `policy` nothing was written, and `why_not` says why.

    `of`: score or accept model. `since`, `until`: the period of the replayed jobs. `silent`: jobs without a
    label.
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
    replay: PolicyReplay | None = None
    policy: Path | None = None
    model_file: Path | None = None
    why_not: str | None = None
    of: str = "score"

    def write(self, request: LessonRequest, name: str, content: bytes, version: str, text: str) -> None:
        """Write the model's file and the version of the policy that names it."""
        self.model_file = request.out / name
        self.policy = request.out / f"{request.policy.stem}.{version}.yaml"
        self.model_file.parent.mkdir(parents=True, exist_ok=True)
        self.model_file.write_bytes(content)
        self.policy.write_text(text, encoding="utf-8")


def check_quality(quality: str) -> None:
    """Raises CommandError if models are not tuned for this quality."""
    if quality not in QUALITIES:
        qualities = ", ".join(QUALITIES)
        raise CommandError(f"no model is tuned for {quality}", f"give one of {qualities}", code=2)


async def jobs_on_record(dsn: str, request: LessonRequest) -> list[list[Labelled]]:
    """Return the answers to each job, including those of its shadows."""
    async with labelled(dsn, request.since, request.judges) as rows:
        labelled_rows = [row async for row in rows]
    return [list(group) for _, group in groupby(labelled_rows, key=lambda row: row.root)]


def costs_of(rows: Sequence[Labelled], tiers: tuple[str, ...], price: Price) -> tuple[float, ...] | None:
    """Return each tier's cost: as paid, or estimated from the tokens of another tier's answer."""
    paid = {row.tier: row.cost_usd for row in rows}
    used = next(((row.tokens_in, row.tokens_out) for row in rows if row.tokens_in is not None), None)
    costs = []
    for tier in tiers:
        cost = paid.get(tier)
        if cost is None and used is not None:
            cost = price(tier, used[0] or 0, used[1] or 0)
        if cost is None:
            return None
        costs.append(float(cost))
    return tuple(costs)


@dataclass(frozen=True, slots=True)
class Label:
    """The label of one job: points and US dollars for each tier."""

    root: str
    request: ChatRequest
    points: tuple[float, ...]
    costs: tuple[float, ...]
    judged: bool


def label_of(rows: Sequence[Labelled], tiers: tuple[str, ...], price: Price) -> Label | None:
    """Return the label from the answers to one job; None if they do not give one."""
    try:
        request = JobRouted.model_validate_json(rows[0].value).job.request
    except ValidationError:  # from another release, or erased
        return None
    answers = {
        row.tier: Answered(answered(row.response), row.verdict) for row in rows if row.response is not None
    }
    worth, costs = points(answers, tiers), costs_of(rows, tiers, price)
    if worth is None or costs is None:
        return None
    return Label(str(rows[0].root), request, worth, costs, any(row.verdict is not None for row in rows))


def columns(labels: Sequence[Label]) -> dict[str, Any]:
    """Return the columns that `Examples` and `Cascades` share: all rows are own and weigh the same."""
    return {
        "group": tuple(label.root for label in labels),
        "score": np.array([label.points for label in labels]),
        "cost": np.array([label.costs for label in labels]),
        "weight": np.ones(len(labels)),
        "own": np.ones(len(labels), dtype=bool),
    }


@contextmanager
def training(progress: Progress) -> Iterator[Callable[[float], None]]:
    """Show the progress of a training; yields the function that takes the finished share."""
    with progress(100, "% trained") as advance:
        done = 0

        def report_progress(share: float) -> None:
            nonlocal done
            advance(round(100 * share) - done)
            done = round(100 * share)

        yield report_progress


def new_policy(request: LessonRequest, read: Callable[[], PolicyFile]) -> Policy:
    """Compile the policy that `read` parses.

    Raises:
        CommandError: it is invalid.
    """
    try:
        return Policy.compile(read())
    except FileError as error:
        hint = f"fix {request.policy} first"
        raise CommandError(f"the new policy would not be valid: {error}", hint) from error
