"""The models the simulated provider knows, one per tier, under real names so that their prices are known."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SimulatedModel:
    """One model: `name` is what a request asks for, `snapshot` what the answer says it came from.

    `latency_ms` is the median time to answer; `sentences` the range of lengths of its uncanned answers;
    `confidence` the lowest token probability that its logprobs show.
    """

    tier: str
    name: str
    snapshot: str
    latency_ms: float
    sentences: tuple[int, int]
    confidence: float


# The GPT-4.1 family takes every parameter we check (temperature, max_tokens, logprobs). The GPT-5 models
# refuse some; a simulator that took them under those names would hide that until production.
MODELS = (
    SimulatedModel("small", "gpt-4.1-nano", "gpt-4.1-nano-2025-04-14", 5.0, (1, 3), 0.55),
    SimulatedModel("medium", "gpt-4.1-mini", "gpt-4.1-mini-2025-04-14", 15.0, (2, 5), 0.75),
    SimulatedModel("frontier", "gpt-4.1", "gpt-4.1-2025-04-14", 40.0, (3, 8), 0.9),
)

EMBEDDER = SimulatedModel("embed", "text-embedding-3-small", "text-embedding-3-small", 3.0, (1, 1), 0.5)

# As at the real provider, a snapshot may be asked for by its own name too.
BY_NAME = {name: model for model in (*MODELS, EMBEDDER) for name in (model.name, model.snapshot)}
