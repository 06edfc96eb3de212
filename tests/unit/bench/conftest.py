"""Less training and resampling than in real benchmarks, so that tests are fast."""

from collections.abc import Iterator

import pytest

from pointsman.bench.routing import calibration, measure, routellm
from pointsman.learn import accept, train, tune
from pointsman.learn.network import NetworkRecipe


@pytest.fixture(scope="module", autouse=True)
def less() -> Iterator[None]:
    """One network for each score instead of four, fewer trees, and a fifth of the bootstrap samples."""
    resampled = ((measure, "SAMPLES"), (tune, "SAMPLES"), (routellm, "_DRAWS"), (calibration, "_DRAWS"))
    with pytest.MonkeyPatch.context() as patch:
        for trains, fewer in (
            (train.fit, {"recipe": NetworkRecipe(nets=1)}),
            (train.untuned, {"recipe": NetworkRecipe(nets=1)}),
            (accept.fit, {"trees": 30}),
        ):
            patch.setattr(trains, "__kwdefaults__", {**(trains.__kwdefaults__ or {}), **fewer})
        for module, name in resampled:
            patch.setattr(module, name, getattr(module, name) // 5)
        yield
