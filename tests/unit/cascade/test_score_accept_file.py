"""An accept model's file is read the same on any machine; a damaged one is refused."""

import json
from typing import Any

import pytest

from pointsman.cascade.accept_file import parse, write
from pointsman.score.sealed import ModelFileError

TREE = {"feature": [0, -1, -1], "threshold": [0.5, 0, 0], "left": [1, 0, 0], "right": [2, 0, 0]}
FOREST = {"start": -3, "trees": [{**TREE, "leaf": [0, 7, 9]}], "slope": 1.5, "offset": 0.25}
BODY: dict[str, Any] = {
    "name": "test",
    "tiers": ["small", "mid", "frontier"],
    "inputs": ["agree"],
    "typical": [1.0],
    "kinds": ["choice"],
    "bars": {"0.99": {"rate": 0.05, "margin": 0.0}},
    "worse": FOREST,
    "better": FOREST,
    "cost": FOREST,
    "trained_on": {},
}


def test_the_model_is_as_it_was_written_and_its_version_is_of_its_bytes() -> None:
    content = write(BODY)
    model = parse(content)
    assert model.tiers == ("small", "mid", "frontier")
    assert model.worse((1.0,)) == 1.5 * (-3 + 9) / 1_000_000 + 0.25
    assert model.bars["0.99"].rate == 0.05
    assert len(model.version) == 12
    assert parse(write({**BODY, "name": "other"})).version != model.version
    assert write(json.loads(json.dumps(BODY))) == content


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"format": "pointsman-score-1"}', "its form is 'pointsman-score-1'"),
        (write(BODY).replace(b'"name":"test"', b'"name":"tset"'), "damaged"),
        (write({**BODY, "inputs": ["task"]}), "unknown features: task"),
        (write({**BODY, "tiers": ["small", "frontier"]}), "ValueError"),
        (write({**BODY, "typical": []}), "typical"),
        (write({**BODY, "bars": {"0.99": {"rate": 1e999, "margin": 0}}}), "not a finite number"),
        (write({**BODY, "worse": {**FOREST, "trees": [{**TREE, "leaf": [0]}]}}), "differ in length"),
        (
            write(
                {**BODY, "worse": {**FOREST, "trees": [{**TREE, "feature": [5, -1, -1], "leaf": [0, 0, 0]}]}}
            ),
            "a feature that there is not",
        ),
    ],
)
def test_other_bytes_are_refused_with_a_reason(content: bytes, expected: str) -> None:
    with pytest.raises(ModelFileError, match=expected) as raised:
        parse(content)
    assert raised.value.hint
