"""The second opinion as a ranking: jobs that gain most from the strong model come first."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pointsman.bench.routing.sources.pairs import pairs
from pointsman.learn.opinion import expected_gain
from pointsman.opinion.embed import SIZE, Vectors
from tests.support.router.opinion_examples import RECIPE, work
from tests.support.router.outcomes import made_up


def test_jobs_that_the_weak_model_cannot_do_gain_most() -> None:
    of, unseen = work(), work(100, seed=2)
    two = replace(
        of.examples,
        tiers=("weak", "strong"),
        score=np.stack([of.easy, np.ones(len(of.easy))], axis=1).astype(float),
        cost=np.tile([0.1, 1.0], (len(of.easy), 1)),
    )
    gain = expected_gain(two, of.vectors, unseen.examples.texts, unseen.vectors, RECIPE)
    assert gain[~unseen.easy].min() > gain[unseen.easy].max()


def knowing(texts: Sequence[str]) -> Vectors:
    """Vectors that contain only the texts' lengths."""
    lengths = np.array([len(text) for text in texts], dtype=np.float32)
    vectors = np.zeros((len(texts), SIZE), dtype=np.float32)
    vectors[:, 0], vectors[:, 1] = np.sin(lengths), np.cos(lengths)
    return vectors


def test_each_benchmark_is_ranked_with_and_without_an_opinion() -> None:
    (ranking,) = pairs(made_up(200, tiers=("weak", "strong")), lambda share: None, knowing).values()
    assert list(ranking) == ["five-fold", "five-fold, with second opinion", "best published"]
    assert ranking["five-fold"] != ranking["five-fold, with second opinion"]
