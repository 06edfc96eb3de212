"""Sort the files of a folder by their purpose.

`extra*` are for training only. A file with the two tiers weak and strong is for RouteLLM's protocol, and a
foreign set. Every other file is the work to route; several of them must have the same tiers.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pointsman.bench.routing.sources.data import read, without
from pointsman.bench.routing.sources.outcomes import DataError, TierAnswers


@dataclass(frozen=True)
class Files:
    """`own` work, `extra` questions to train on that are not in it, `pairs` of a weak and a strong model."""

    own: TierAnswers
    extra: TierAnswers | None
    pairs: TierAnswers | None

    @property
    def others(self) -> list[TierAnswers]:
        """The outcomes to train on in addition to `own`."""
        return [] if self.extra is None else [self.extra]

    @property
    def listed(self) -> dict[str, str]:
        """The name and SHA-256 of each set of outcomes."""
        pairs = [] if self.pairs is None else [self.pairs]
        return {source.name: source.sha256 for source in (self.own, *self.others, *pairs)}


def folder(path: Path) -> Files:
    """Read every Parquet file of a folder.

    Raises:
        DataError: there is no work to route, or the files do not fit together.
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
    """Return several sets as one. Raises DataError if their tiers differ."""
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
    """Return the outcomes of the weakest and the strongest tier only, under these names."""
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
