"""The benchmark requests opinions only for undecided jobs, and embeds each text once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pointsman.bench.routing.opinion import WithOpinion
from pointsman.bench.routing.opinion_vectors import VectorCache
from pointsman.learn.opinion import fit
from pointsman.opinion.embed import SIZE
from pointsman.score.estimate import Bar, Estimate
from tests.support.router.opinion_examples import RECIPE, work
from tests.support.worker.cascade_outcomes import cascade_outcomes


class Flat:
    """A first score with the same estimate for every text."""

    tiers = ("small", "mid", "frontier")
    floor = 0.5

    def __init__(self, known: float = 1.0) -> None:
        self.bars = {"0.99": Bar(0.0, -0.38)}  # the middle tier must reach 0.61 and has 0.6
        self._known = known

    def estimate(self, text: str) -> Estimate:
        return Estimate((0.1, 0.6, 1.0), (0.01, 0.01, 0.0), (0.01, 0.1, 1.0), self._known)


@pytest.mark.parametrize(("band", "known", "asked"), [(0.05, 1.0, 1.0), (0.001, 1.0, 0.0), (0.05, 0.2, 0.0)])
def test_only_known_texts_in_the_band_get_an_opinion(band: float, known: float, asked: float) -> None:
    of, test = work(), cascade_outcomes(40)
    opinion = fit(of.examples, of.vectors, of.first, name="test", recipe=RECIPE).model
    sure = replace(opinion, bars={"0.99": Bar(9.0, 0.0)})
    router = WithOpinion(Flat(known), sure, band)  # type: ignore[arg-type]
    figures = router.figures(test, of.vectors[:40], "0.99")
    assert figures["asked"] == asked
    assert (figures["shares"]["frontier"] == 1.0) == (asked == 0.0)


class Counting:
    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts):  # type: ignore[no-untyped-def]
        self.asked += list(texts)
        return np.array([np.full(SIZE, len(text), np.float32) for text in texts])


def test_a_text_is_embedded_once_and_kept(tmp_path: Path) -> None:
    counting = Counting()
    opened = lambda: counting  # noqa: E731
    path = tmp_path / "vectors.npz"
    first = VectorCache(opened, path)(["a", "bb", "a"])  # type: ignore[arg-type]
    again = VectorCache(opened, path)(["bb", "ccc"])  # type: ignore[arg-type]
    assert first[:, 0].tolist() == [1, 2, 1]
    assert again[:, 0].tolist() == [2, 3]
    assert counting.asked == ["a", "bb", "ccc"]
