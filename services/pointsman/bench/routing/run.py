"""The routing benchmark: all measurements in one report."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pointsman.bench.routing import opinion
from pointsman.bench.routing.frozen import frozen, guarded, served
from pointsman.bench.routing.measure import Figures, of_choice
from pointsman.bench.routing.opinion_vectors import VectorsOf
from pointsman.bench.routing.router import Progress, Router, checked, trained
from pointsman.bench.routing.sources.data import SPLIT, TEST_SHARE, read, split, without
from pointsman.bench.routing.sources.files import Files, ends, folder
from pointsman.bench.routing.sources.outcomes import TierAnswers
from pointsman.bench.routing.sources.pairs import pairs
from pointsman.bench.routing.sources.stem import place
from pointsman.bench.routing.ways import baselines, over_splits, ways
from pointsman.learn.accept import TrainedAccept
from pointsman.learn.opinion import TrainedOpinion
from pointsman.learn.train import Trained

#: (current step, completed share of the whole from 0 to 1)
Told = Callable[[str, float], None]
RESPLITS = 10
#: Required qualities that are checked on every resplit.
CHECKED = ("0.98", "0.99", "0.995", "1.0")
#: The score alone, among the ways to choose tiers.
_ALONE = "alone"


def whole(
    data: Path, quality: str, progress: Told, resplits: int = RESPLITS, vectors: VectorsOf | None = None
) -> dict[str, Any]:
    """Return the full report on a folder's files. `vectors` serve the second opinion; None: without one."""
    progress("reading", 0.0)
    files = folder(data)
    train, test = split(files.own)
    checked([train, *files.others], test)
    made = trained(train, files.others, progress=lambda share: progress("training", 0.1 * share))
    router = Router(made.model)
    report: dict[str, Any] = {
        "files": files.listed,
        "split": {"salt": SPLIT, "test_share": TEST_SHARE, "train": len(train), "test": len(test)},
        "extra": len(files.extra) if files.extra else 0,
        **_measured(router, train, test, quality),
    }
    progress("second opinion, cascade", 0.1)
    report["ways"] = ways(made, train, files.others, test, vectors)
    report["resplits"], report["ways_resplits"] = _resplits(
        files, resplits, vectors, lambda share: progress("resplits", 0.2 + 0.5 * share)
    )
    report["transfer"] = _transfers(
        files, train, router, quality, lambda s: progress("transfer", 0.7 + 0.15 * s)
    )
    if files.pairs is not None:
        report["routellm"] = pairs(
            files.pairs, lambda share: progress("RouteLLM's protocol", 0.85 + 0.15 * share), vectors
        )
    progress("done", 1.0)
    return report


def unseen(
    data: Path,
    test_file: Path,
    quality: str,
    progress: Told,
    *,
    drop: bool = False,
    vectors: VectorsOf | None = None,
) -> dict[str, Any]:
    """Train a router on a folder and score it once on a file that it has never seen.

    `drop`: leave questions that are also in the file out of the training; otherwise they raise an error.
    """
    progress("reading", 0.0)
    files = folder(data)
    test = read(test_file)
    train = [files.own, *files.others]
    if len(test.tiers) == 2 and len(files.own.tiers) > 2:
        train = [ends(source, (test.tiers[0], test.tiers[1])) for source in train]
    if drop:
        train = [without(source, [test]) for source in train]
    checked(train, test)
    own, *others = train
    made = trained(own, others, progress=lambda share: progress("training", 0.5 * share))
    router = Router(made.model)
    report: dict[str, Any] = {
        "files": {**files.listed, test.name: test.sha256},
        "trained_on": len(own),
        "extra": sum(map(len, others)),
        "test": len(test),
        "guarded": guarded(router, test, quality),
        **_measured(router, own, test, quality),
    }
    progress("second opinion, cascade", 0.5)
    report["ways"] = ways(made, own, others, test, vectors)
    if len(test) >= 1_000:
        step = lambda share: progress("with labels", 0.6 + 0.4 * share)  # noqa: E731
        report["transfer"] = {test.name: transfer(router, train, test, quality, step)}
    progress("done", 1.0)
    return report


def _measured(router: Router, train: TierAnswers, test: TierAnswers, quality: str) -> dict[str, Any]:
    return {
        "models": dict(zip(test.tiers, test.models, strict=True)),
        "quality": quality,
        "model": {"version": router.model.version, "floor": router.model.floor},
        "frozen": frozen(router, test, quality),
        "baselines": baselines(train, test, float(quality)),
        "served": served(router, test, quality),
    }


def ship(
    data: Path, progress: Told, make: Callable[..., Trained | TrainedAccept | TrainedOpinion] = trained
) -> bytes:
    """Return a model to ship with pointsman, trained on all outcomes of the folder.

    `make` is `trained` for the score, `cascade.trained` for the accept model, or `with_score`.
    """
    progress("reading", 0.0)
    files = folder(data)
    made = make(files.own, files.others, name="general", progress=lambda share: progress("training", share))
    progress("done", 1.0)
    return made.content


def with_score(
    own: TierAnswers, others: Sequence[TierAnswers], vectors: VectorsOf, *, name: str, progress: Progress
) -> TrainedOpinion:
    """Return the second opinion, trained on the same data as the score that it accompanies."""
    first = trained(own, others, name=name, progress=progress)
    return opinion.trained(own, others, first, vectors, name=name)


def _resplits(
    files: Files, count: int, vectors: VectorsOf | None, progress: Callable[[float], None]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return how often each target is met on other splits, by a newly trained router and each other way."""
    splits = []
    for at in range(count):
        train, test = split(files.own, salt=f"resplit-{at}")
        made = trained(train, files.others)
        router = Router(made.model)
        estimates = router.estimates(test.prompts)
        alone = {asked: of_choice(test, router.decide(estimates, asked)) for asked in CHECKED}
        splits.append({_ALONE: alone, **ways(made, train, files.others, test, vectors)})
        progress((at + 1) / count)
    counted = over_splits(splits, CHECKED)
    return counted.pop(_ALONE, {}), counted


def _transfers(
    files: Files, train: TierAnswers, router: Router, quality: str, progress: Callable[[float], None]
) -> dict[str, Any]:
    transferred = {}
    if files.extra:
        alone = Router(trained(train).model)
        transferred[f"{files.extra.name} (same models, other subjects)"] = transfer(
            alone, [train], files.extra, quality, progress
        )
    if files.pairs is not None:
        foreign = without(files.pairs, [files.own, *files.others])
        names = (foreign.tiers[0], foreign.tiers[1])
        home = [ends(source, names) for source in (train, *files.others)]
        pair = Router(trained(home[0], home[1:]).model)
        transferred[f"{foreign.name} (other models, other subjects)"] = transfer(
            pair, home, foreign, quality, progress
        )
    return transferred


LABELS = (300, 1_000)


def transfer(
    router: Router,
    home: Sequence[TierAnswers],
    foreign: TierAnswers,
    quality: str,
    progress: Progress | None = None,
) -> dict[str, Figures]:
    """Return figures on a foreign set, always on the same questions: those never used as labels.

    `0 labels, unguarded` is the router as it is. `0 labels` has the familiarity check, which sends an
    unfamiliar set to the strongest tier. `N labels` is trained on N questions of the set and on `home`.
    """
    order = np.argsort([place(of, "labels") for of in foreign.stems], kind="stable")
    most = min(max(LABELS), len(order) // 2)
    test = foreign.take(order[most:])
    unguarded = of_choice(test, router.decide(router.estimates(test.prompts), quality))
    figures = {"0 labels, unguarded": unguarded, "0 labels": guarded(router, test, quality)}
    for count in LABELS:
        if count > most:
            continue
        own = without(foreign.take(order[:count]), [test])
        others = [without(source, [test]) for source in home]
        made = Router(trained(own, others, progress=progress).model)
        figures[f"{count:,} labels"] = of_choice(test, made.decide(made.estimates(test.prompts), quality))
    return figures
