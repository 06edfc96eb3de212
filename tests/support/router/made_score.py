"""A small score trained on made-up outcomes, once for all tests."""

from functools import lru_cache

from pointsman.bench.routing.sources.examples import examples
from pointsman.learn.network import NetworkRecipe
from pointsman.learn.train import Trained, fit
from tests.support.router.outcomes import made_up

RECIPE = NetworkRecipe(nets=2, hidden=4, epochs=6, least_texts=2, least_steps=120)


@lru_cache(maxsize=1)
def trained() -> Trained:
    """Trained on 600 questions, half of them easy."""
    return fit(examples(made_up(600)), name="made-up", recipe=RECIPE)
