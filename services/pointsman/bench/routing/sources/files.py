"""The files of a folder by what each is for.

`extra*`: to train on only. Two tiers, weak and strong: RouteLLM's protocol and a foreign set. Every other
file is the work that the router is for; several of them must have the same tiers.
"""

from dataclasses import dataclass
from pathlib import Path

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
    def said(self) -> dict[str, str]:
        """Name and SHA-256 of each."""
        found = [each for each in (self.own, self.extra, self.pairs) if each is not None]
        return {each.name: each.sha256 for each in found}


def folder(path: Path) -> Files:
    """Read every Parquet file of a folder.

    Raises:
        DataError: none of them is the work to route, or they do not fit together.
    """
    found = [read(each) for each in sorted(path.glob("*.parquet"))]
    pairs = [each for each in found if each.tiers == ("weak", "strong")]
    extra = [each for each in found if each.name.startswith("extra") and each not in pairs]
    own = [each for each in found if each not in pairs and each not in extra]
    if not own:
        raise DataError(f"no outcomes of tiers in {path}", "put Parquet files of outcomes there")
    joined = join(own)
    return Files(joined, without(join(extra), [joined]) if extra else None, join(pairs) if pairs else None)


def join(several: list[TierAnswers]) -> TierAnswers:
    """All as one; DataError where the tiers differ."""
    first = several[0]
    if len(several) == 1:
        return first
    for each in several:
        if each.tiers != first.tiers:
            raise DataError(
                f"{each.name} has tiers {', '.join(each.tiers)}; {first.name} {', '.join(first.tiers)}",
                "measure files of different tiers one by one",
            )
    return TierAnswers(
        name="+".join(each.name for each in several),
        sha256="+".join(each.sha256 for each in several),
        tiers=first.tiers,
        models=tuple(
            "|".join(sorted(set(names))) for names in zip(*(e.models for e in several), strict=True)
        ),
        ids=sum((each.ids for each in several), ()),
        prompts=sum((each.prompts for each in several), ()),
        source=sum((each.source for each in several), ()),
        task=sum((each.task for each in several), ()),
        score=np.concatenate([each.score for each in several]),
        cost=np.concatenate([each.cost for each in several]),
        out_tokens=np.concatenate([each.out_tokens for each in several]),
        answers=tuple(sum(of, ()) for of in zip(*(each.answers for each in several), strict=True)),
    )


def ends(outcomes: TierAnswers, names: tuple[str, str]) -> TierAnswers:
    """Only the weakest and the strongest tier, under these names."""
    at = [0, len(outcomes.tiers) - 1]
    return TierAnswers(
        name=outcomes.name,
        sha256=outcomes.sha256,
        tiers=names,
        models=(outcomes.models[0], outcomes.models[-1]),
        ids=outcomes.ids,
        prompts=outcomes.prompts,
        source=outcomes.source,
        task=outcomes.task,
        score=outcomes.score[:, at],
        cost=outcomes.cost[:, at],
        out_tokens=outcomes.out_tokens[:, at],
        answers=(outcomes.answers[0], outcomes.answers[-1]),
    )
