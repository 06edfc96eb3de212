"""The trees in an accept model's file predict the same as the library that trained them."""

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

from pointsman.cascade.accept_file import forest
from pointsman.cascade.accept_trees import UNIT
from pointsman.learn import forests

DRAW = np.random.RandomState(3)
X = DRAW.rand(400, 3).round(3)
CAME = (X[:, 0] + 0.3 * DRAW.rand(400) > 0.6).astype(float)
WEIGHT = np.where(np.arange(400) % 2, 1.0, 0.2)


def test_a_classifier_says_the_same_log_odds_in_the_file() -> None:
    made = forests.classifier(X, CAME, WEIGHT, trees=30, seed=0)
    theirs = GradientBoostingClassifier(
        n_estimators=30,
        learning_rate=0.06,
        max_depth=2,
        random_state=0,
        min_samples_leaf=40,
        subsample=0.5,
        max_features=0.5,
    )
    theirs.fit(X, CAME, sample_weight=WEIGHT)
    ours = forest({**made, "slope": 1.0, "offset": 0.0}, 3)
    wanted = theirs.decision_function(X)
    assert np.allclose([ours(tuple(row)) for row in X.tolist()], wanted, atol=31 / UNIT)


def test_a_regressor_says_the_same_amount_in_the_file() -> None:
    made = forests.regressor(X, X[:, 1] * 3, WEIGHT, trees=30)
    theirs = GradientBoostingRegressor(
        n_estimators=30,
        learning_rate=0.1,
        max_depth=3,
        random_state=2,
        min_samples_leaf=40,
        subsample=0.5,
        max_features=0.5,
    )
    theirs.fit(X, X[:, 1] * 3, sample_weight=WEIGHT)
    ours = forest({**made, "slope": 1.0, "offset": 0.0}, 3)
    assert np.allclose([ours(tuple(row)) for row in X.tolist()], theirs.predict(X), atol=31 / UNIT)


def test_outcomes_that_are_all_alike_need_no_trees() -> None:
    made = forests.classifier(X, np.zeros(400), WEIGHT, trees=30, seed=0)
    assert made["trees"] == []
    assert made["start"] < -10 * UNIT
