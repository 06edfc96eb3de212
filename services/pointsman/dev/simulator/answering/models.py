"""The models of the simulated provider, one per tier, under real names so that their prices are known."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SimulatedModel:
    """A simulated model. A request asks for `name`; the answer says that it came from `snapshot`.

    `latency_ms` is the median time to answer; `sentences` the range of lengths of generated answers;
    `confidence` the lowest token probability in its logprobs.
    """

    tier: str
    name: str
    snapshot: str
    latency_ms: float
    sentences: tuple[int, int]
    confidence: float


# The GPT-4.1 family accepts every parameter we check (temperature, max_tokens, logprobs). The GPT-5 models
# reject some; a simulator that accepted them under those names would hide that until production.
MODELS = (
    SimulatedModel("small", "gpt-4.1-nano", "gpt-4.1-nano-2025-04-14", 5.0, (1, 3), 0.55),
    SimulatedModel("medium", "gpt-4.1-mini", "gpt-4.1-mini-2025-04-14", 15.0, (2, 5), 0.75),
    SimulatedModel("frontier", "gpt-4.1", "gpt-4.1-2025-04-14", 40.0, (3, 8), 0.9),
)

EMBEDDER = SimulatedModel("embed", "text-embedding-3-small", "text-embedding-3-small", 3.0, (1, 1), 0.5)

# As with the real provider, a request may also name a snapshot.
BY_NAME = {name: model for model in (*MODELS, EMBEDDER) for name in (model.name, model.snapshot)}
