"""The built-in model is complete, knows its limits, and is hard to manipulate."""

import json
from importlib.resources import files

import pytest

from pointsman.bench.routing.sources.rewrites import REWRITES
from pointsman.score.choose import choose
from pointsman.score.model_file import parse
from pointsman.score.net import NetScore

#: Share of the texts below that one rewrite, which keeps the question, may move to a weaker tier.
BOUND = 0.1

_SAMPLES = files("pointsman.dev").joinpath("samples/jobs.jsonl").read_text(encoding="utf-8").splitlines()
_ENGINEERING = [
    f"{start} {quantity} of {of}? Explain each step."
    for start in ("Calculate the", "Find the exact", "Derive the")
    for quantity in ("heat transfer coefficient", "bending moment", "reaction quotient", "shear stress")
    for of in (
        "a steel beam 12 ft long under a load of 400 lb/ft",
        "air at 100 F and 1 atm that flows at 20 fps over a flat plate",
        "a turbine with an inlet pressure of 400 psia and an efficiency of 85 %",
    )
]


def _texts() -> list[str]:
    jobs = [json.loads(line) for line in _SAMPLES]
    conversations = [job.get("messages") or [{"content": job["prompt"]}] for job in jobs]
    return [
        "\n".join(message["content"] for message in messages) for messages in conversations
    ] + _ENGINEERING


@pytest.fixture(scope="module")
def model() -> NetScore:
    return parse(files("pointsman.score").joinpath("models/general.json").read_bytes())


def test_it_says_what_it_is_for(model: NetScore) -> None:
    assert model.tiers == ("small", "mid", "frontier")
    assert {"0.98", "0.99", "1.0"} <= set(model.bars)
    origin = json.loads(files("pointsman.score").joinpath("models/general.json").read_bytes())["trained_on"]
    assert all(len(file["sha256"]) == 64 for file in origin["files"].values())


def test_text_in_no_language_goes_to_the_strongest(model: NetScore) -> None:
    choice = choose(model.estimate("qzxv wvkq zzrt jjkq"), model.bars["0.97"], model.tiers, floor=model.floor)
    assert choice.tier == "frontier"
    assert "unfamiliar" in str(choice.undecided)


@pytest.mark.parametrize("name", REWRITES)
def test_a_rewrite_moves_few_jobs_down(model: NetScore, name: str) -> None:
    def tier(text: str) -> int:
        choice = choose(model.estimate(text), model.bars["0.99"], model.tiers, floor=model.floor)
        return model.tiers.index(choice.tier)

    texts = _texts()
    before = [tier(text) for text in texts]
    assert before.count(2) > 0.5 * len(texts)  # there is something to be gained by it
    moved = sum(tier(REWRITES[name](text)) < was for text, was in zip(texts, before, strict=True))
    assert moved <= BOUND * len(texts)


def test_what_was_not_read_is_not_known(model: NetScore) -> None:
    short = "A train runs 60 miles in an hour. How many miles does it run in a day? "
    assert model.estimate(short).known > model.floor > model.estimate(short * 50).known
