"""Trains small decision trees with scikit-learn's boosting, in the form of an accept model's file."""

from typing import Any

import numpy as np

from pointsman.cascade.accept_trees import UNIT
from pointsman.learn.examples import Floats

_SHAPE = {"min_samples_leaf": 40, "subsample": 0.5, "max_features": 0.5}


def classifier(x: Floats, came: Floats, weight: Floats, *, trees: int, seed: int) -> dict[str, Any]:
    """Train on `x` [n, f] to predict the log-odds that `came` [n] is 1."""
    from sklearn.ensemble import GradientBoostingClassifier

    chance = min(max(float(np.average(came, weights=weight)), 1e-6), 1 - 1e-6)
    start = float(np.log(chance / (1 - chance)))
    if len(np.unique(came)) < 2:  # a single class has nothing to learn
        return {"start": round(start * UNIT), "trees": []}
    rate = 0.06
    learned = GradientBoostingClassifier(
        n_estimators=trees, learning_rate=rate, max_depth=2, random_state=seed, **_SHAPE
    )
    learned.fit(x, came, sample_weight=weight)
    return _exported(learned, start, rate)


def regressor(x: Floats, amount: Floats, weight: Floats, *, trees: int) -> dict[str, Any]:
    """Train on `x` [n, f] to predict the mean of `amount` [n]."""
    from sklearn.ensemble import GradientBoostingRegressor

    rate = 0.1
    learned = GradientBoostingRegressor(
        n_estimators=trees, learning_rate=rate, max_depth=3, random_state=2, **_SHAPE
    )
    learned.fit(x, amount, sample_weight=weight)
    return _exported(learned, float(np.average(amount, weights=weight)), rate)


def _exported(learned: Any, start: float, rate: float) -> dict[str, Any]:
    trees = []
    for estimator in learned.estimators_[:, 0]:
        tree = estimator.tree_
        leaf = tree.children_left < 0
        trees.append(
            {
                "feature": np.where(leaf, -1, tree.feature).tolist(),
                "threshold": np.where(leaf, 0.0, tree.threshold).tolist(),
                "left": tree.children_left.tolist(),
                "right": tree.children_right.tolist(),
                "leaf": [round(float(value)) for value in tree.value[:, 0, 0] * rate * UNIT * leaf],
            }
        )
    return {"start": round(start * UNIT), "trees": trees}
