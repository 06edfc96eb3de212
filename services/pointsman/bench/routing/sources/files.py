"""The files of a folder by what each is for.

`extra*`: to train on only. Two tiers, weak and strong: RouteLLM's protocol and a foreign set. Every other
file is the work that the router is for; several of them must have the same tiers.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pointsman.bench.routing.sources.data import read, without
from pointsman.bench.routing.sources.outcomes import DataError, TierAnswers


@dataclass(frozen=True)
class Files:
    """`own` work; `extra`, without its questions, to train on; `pairs` of a weak and a strong model."""

    own: TierAnswers
    extra: TierAnswers | None
    pairs: TierAnswers | None

    @property
    def beside(self) -> list[TierAnswers]:
        """What is trained on beside the own work."""
        return [] if self.extra is None else [self.extra]

    @property
    def listed(self) -> dict[str, str]:
        """Name and SHA-256 of each."""
        pairs = [] if self.pairs is None else [self.pairs]
        return {source.name: source.sha256 for source in (self.own, *self.beside, *pairs)}


def folder(path: Path) -> Files:
    """Read every Parquet file of a folder.

    Raises:
        DataError: none of them is the work to route, or they do not fit together.
    """
    sources = [read(file) for file in sorted(path.glob("*.parquet"))]
    pairs = [source for source in sources if source.tiers == ("weak", "strong")]
    extra = [source for source in sources if source.name.startswith("extra") and source not in pairs]
    own = [source for source in sources if source not in pairs and source not in extra]
    if not own:
        raise DataError(f"no outcomes of tiers in {path}", "put Parquet files of outcomes there")
    joined = join(own)
    return Files(joined, without(join(extra), [joined]) if extra else None, join(pairs) if pairs else None)


def join(several: list[TierAnswers]) -> TierAnswers:
    """All as one; DataError where the tiers differ."""
    first = several[0]
    if len(several) == 1:
        return first
    for source in several:
        if source.tiers != first.tiers:
            raise DataError(
                f"{source.name} has tiers {', '.join(source.tiers)}; {first.name} {', '.join(first.tiers)}",
                "measure files of different tiers one by one",
            )
    joined: dict[str, Any] = {
        name: sum((getattr(source, name) for source in several), ()) for name in ("prompts", "source", "task")
    }
    for name in ("score", "cost", "out_tokens"):
        joined[name] = np.concatenate([getattr(source, name) for source in several])
    return replace(
        first,
        name="+".join(source.name for source in several),
        sha256="+".join(source.sha256 for source in several),
        models=tuple(
            "|".join(sorted(set(names))) for names in zip(*(e.models for e in several), strict=True)
        ),
        answers=tuple(sum(of, ()) for of in zip(*(source.answers for source in several), strict=True)),
        **joined,
    )


def ends(outcomes: TierAnswers, names: tuple[str, str]) -> TierAnswers:
    """Only the weakest and the strongest tier, under these names."""
    at = [0, len(outcomes.tiers) - 1]
    return replace(
        outcomes,
        tiers=names,
        models=(outcomes.models[0], outcomes.models[-1]),
        score=outcomes.score[:, at],
        cost=outcomes.cost[:, at],
        out_tokens=outcomes.out_tokens[:, at],
        answers=(outcomes.answers[0], outcomes.answers[-1]),
    )
