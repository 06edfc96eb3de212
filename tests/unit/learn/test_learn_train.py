"""Training is reproducible byte for byte, and tuned on held-out folds."""

from dataclasses import replace

import numpy as np

from pointsman.bench.routing.sources.examples import examples
from pointsman.learn.decide import decide
from pointsman.learn.train import fit
from pointsman.learn.tune import LEAST_LABELS, NEVER
from tests.support.router.made_score import RECIPE, trained
from tests.support.router.outcomes import made_up, rows_of


def test_the_same_examples_give_the_same_bytes() -> None:
    again = fit(examples(made_up(600)), name="made-up", recipe=RECIPE)
    assert again.content == trained().content


def test_a_bar_saves_and_keeps_the_quality_out_of_fold() -> None:
    own, made = made_up(600), trained()
    chosen = decide(made.estimates, made.model.bars["0.98"], made.model.floor)
    kept = own.score[np.arange(600), chosen].sum() / own.score[:, -1].sum()
    assert kept >= 0.98
    assert (chosen[rows_of(own, hard=False)] < 2).mean() > 0.8
    assert (chosen[rows_of(own, hard=True)] < 2).mean() < 0.05


def test_a_stricter_quality_never_asks_for_less() -> None:
    bars = trained().model.bars
    asked = sorted(bars, key=float)
    strictness = [bars[quality].margin - bars[quality].rate for quality in asked]
    assert strictness == sorted(strictness)


def test_few_labels_tune_nothing() -> None:
    few = examples(made_up(LEAST_LABELS - 1))
    assert set(fit(few, name="few", recipe=RECIPE).model.bars.values()) == {NEVER}


def test_only_the_own_work_is_tuned_on() -> None:
    own, other = made_up(320), made_up(200, seed=5)
    worthless = replace(other, score=np.tile([0.0, 0.0, 1.0], (200, 1)))
    made = fit(examples(own, worthless), name="both", recipe=RECIPE)
    assert made.rows.tolist() == list(range(320))
