"""`pointsman bench routing`: what the learned score saves, and what quality it keeps."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pointsman.cli.options import Json
from pointsman.runtime.errors import CommandError
from pointsman.runtime.terminal import screen

Folder = Annotated[
    Path | None,
    typer.Option(metavar="DIR", exists=True, file_okay=False, help="Folder of outcomes, Parquet."),
]


def routing(
    *,
    data: Folder = None,
    train: Folder = None,
    test: Annotated[
        Path | None,
        typer.Option(metavar="FILE", exists=True, dir_okay=False, help="With --train: a file never seen."),
    ] = None,
    drop_overlap: Annotated[
        bool, typer.Option("--drop-overlap", help="With --test: train without the questions of both.")
    ] = False,
    quality: Annotated[
        str, typer.Option(metavar="SHARE", help="Share of the strongest tier's quality to keep.")
    ] = "0.99",
    resplits: Annotated[int, typer.Option(metavar="N", min=0, help="Other splits to try.")] = 10,
    docs: Annotated[
        Path | None,
        typer.Option(metavar="DIR", file_okay=False, help="Write routing.md and its plots there too."),
    ] = None,
    ship: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Only train on all of --data, and write the model.")
    ] = None,
    ship_accept: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="As --ship: what judges a cascade's answers."),
    ] = None,
    ship_opinion: Annotated[
        Path | None, typer.Option(metavar="FILE", help="As --ship: the second opinion beside that score.")
    ] = None,
    opinion: Annotated[
        bool, typer.Option("--opinion", help="Measure the second opinion too (the extra `opinion`).")
    ] = False,
    vectors: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="With --opinion: keep its vectors there, .npz."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure the learned score on outcomes of real models.

    --data splits the folder's questions by a hash of their text, trains on one part and scores the router
    once on the other. --train DIR --test FILE trains on all of DIR and scores the router on FILE. Bars are
    tuned out of fold on the training part, for the lower bound of the quality; the test part tunes nothing.

    A file has `prompt` and for each tier, the weakest first, `score_<tier>` and `cost_<tier>`.
    """
    from functools import partial

    from rich.markdown import Markdown
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

    from pointsman.bench.routing import cascade, run
    from pointsman.bench.routing.markdown import figures, write
    from pointsman.bench.routing.router import trained

    if (data is None) == (train is None) or (train is None) != (test is None):
        raise CommandError("nothing to measure", "give --data DIR, or --train DIR with --test FILE", code=2)
    if (ship or ship_accept or ship_opinion or docs) and data is None:
        raise CommandError("--docs and --ship need --data", "give --data DIR", code=2)
    vectors_of: Any = _vectors(vectors) if opinion or ship_opinion else None
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with screen.bar("reading", 1.0, *columns) as update:

        def report_progress(step: str, share: float) -> None:
            update(description=step, completed=share)

        makes = (
            (ship, trained),
            (ship_accept, cascade.trained),
            (ship_opinion, partial(run.with_score, vectors=vectors_of)),
        )
        for file, make in makes:
            if file is not None and data is not None:
                file.write_bytes(run.ship(data, report_progress, make))
                screen.note(f"{file}: {file.stat().st_size:,} bytes")
        if ship or ship_accept or ship_opinion:
            return
        report: dict[str, Any]
        if data is not None:
            report = run.whole(data, quality, report_progress, resplits, vectors_of)
        else:
            assert train is not None and test is not None
            report = run.unseen(train, test, quality, report_progress, drop=drop_overlap, vectors=vectors_of)
    if docs is not None:
        write(report, docs)
    screen.report(report, Markdown(figures(report)), as_json=as_json)
    if not (opinion or as_json):
        screen.note("the second opinion was not measured: --opinion")


def _vectors(path: Path | None) -> Any:
    """Return the embedder with its cache. Fails before the training if the extra is not installed."""
    from pointsman.bench.routing.opinion_vectors import VectorCache
    from pointsman.opinion.embed import Embedder
    from pointsman.opinion.weights import OpinionMissingError

    try:
        embedder = Embedder.open()
    except OpinionMissingError as error:
        raise CommandError(f"no second opinion: {error}", error.hint) from error
    return VectorCache(lambda: embedder, path)
