"""The report as Markdown, for the console and for a page with plots."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pointsman.bench.routing.measure import table
from pointsman.bench.routing.plot import plot
from pointsman.bench.routing.ways import rows as beside

BEGIN, END = "<!-- begin: figures -->", "<!-- end: figures -->"


def write(report: Mapping[str, Any], docs: Path) -> None:
    """Write the figures into `docs`/routing.md, between its two marks, and the plots into `docs`/routing."""
    page = docs / "routing.md"
    text = page.read_text(encoding="utf-8") if page.exists() else f"# Routing, measured\n\n{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    plots = docs / "routing"
    plots.mkdir(parents=True, exist_ok=True)
    page.write_text(f"{before}{BEGIN}\n{figures(report, plots=True)}\n{END}{after}", encoding="utf-8")
    (plots / "cost-quality.svg").write_text(cost_quality(report), encoding="utf-8")
    (plots / "calibration.svg").write_text(reliability(report), encoding="utf-8")


def figures(report: Mapping[str, Any], *, plots: bool = False) -> str:
    """Return the report's tables as Markdown. `plots`: with links to the plots, for the page."""
    frozen = report["frozen"]
    split = report.get("split") or {"train": report["trained_on"], "test": report["test"]}
    tiers = " / ".join(report["models"])
    head = ("router", "$ per 1,000", "saved", "quality, 95 % interval", f"% {tiers}")
    rows = {f"quality {name} asked": figure for name, figure in frozen["by_quality"].items()}
    if "guarded" in report:
        rows = {f"guarded: {frozen['shift']['said']}": report["guarded"], **rows}
    parts = [
        f"Trained on {split['train']:,} questions and {report['extra']:,} of other work; scored once on "
        f"{split['test']:,} others. Model {report['model']['version']}.",
        *(["![Saved against quality](routing/cost-quality.svg)"] if plots else []),
        _grid(head, table({**rows, **beside(report.get("ways", {})), **report["baselines"]})),
        f"**By task**, quality {report['quality']} asked.",
        _grid(("task", *head[1:]), table(frozen["by_task"])),
        "**With other prices.** The same model and bar; the strongest tier costs half or twice as much.",
        _grid(head, table(frozen["prices"])),
    ]
    if report.get("resplits"):
        parts += ["**Other splits**, a router made anew for each.", _resplits(report["resplits"])]
        for way, resplits in report.get("ways_resplits", {}).items():
            parts += [f"The same splits, {way}.", _resplits(resplits)]
    parts += [
        "**Calibration** of `sufficient`, on the test part; accuracy is of those at or above the confidence.",
        *(["![Reliability](routing/calibration.svg)"] if plots else []),
        _calibration(frozen["calibration"]),
        "**To people**, if the chosen tier must be sufficient with this confidence: "
        + ", ".join(f"{level}: {_percent(share)}" for level, share in frozen["to_people"].items())
        + f". Unfamiliar words, so to the strongest tier: {_percent(frozen['unfamiliar'])}.",
    ]
    for name, figure in report.get("transfer", {}).items():
        parts += [f"**Moved to {name}.**", _grid(head, table(figure))]
    if "routellm" in report:
        parts += ["**RouteLLM's protocol**: Mixtral-8x7B and gpt-4-1106-preview.", _pairs(report["routellm"])]
    return "\n\n".join([*parts, *_served(report["served"])])


def cost_quality(report: Mapping[str, Any]) -> str:
    """Return a plot of savings against quality: a curve over all bars, a point for each way of choosing."""
    frozen = report["frozen"]
    named = {f"asked {quality}": figure for quality, figure in frozen["by_quality"].items()}
    named |= {name: figure for name, figure in report["baselines"].items() if name != "oracle"}
    points = {name: (figure["saved"], figure["quality"]) for name, figure in named.items()}
    middle = list(report["models"])[-2]
    return plot(
        "Saved against quality kept, on questions never seen",
        ("saved against always the strongest tier", "quality against always the strongest tier"),
        (0.0, 1.0, 0.92, 1.02),
        line=sorted((point[0], point[1]) for point in frozen["curve"]),
        points=points,
        level=[(0.0, 1.0), points[f"always {middle}"]] if points[f"always {middle}"][1] >= 0.92 else (),
    )


def reliability(report: Mapping[str, Any]) -> str:
    """Return a plot of predicted against observed frequency, in ten bins, for the second strongest tier."""
    tier = list(report["frozen"]["calibration"])[-1]
    bins = [(predicted, came) for predicted, came in report["frozen"]["calibration"][tier]["bins"]]
    return plot(
        f"Sufficient, as said and as it came, {tier}",
        ("said", "came true"),
        (0.5, 1.0, 0.5, 1.0),
        line=bins,
        points={"": bins[0]},
        level=[(0.5, 0.5), (1.0, 1.0)],
    )


def _resplits(resplits: Mapping[str, Any]) -> str:
    rows = [
        [
            quality,
            f"{figure['met']} of {figure['splits']}",
            _percent(figure["saved"]),
            _percent(figure["quality"], 2),
        ]
        for quality, figure in resplits.items()
    ]
    return _grid(("quality asked", "met", "saved, mean", "quality, mean"), rows)


def _calibration(by_tier: Mapping[str, Any]) -> str:
    rows = [
        [tier, f"{figure['ece']:.3f}", "{mean:.3f}, up to {at_most:.3f}".format(**figure["ece_by_chance"])]
        + [f"{figure['brier']:.3f}", f"{figure['brier_of_the_mean']:.3f}"]
        + [
            f"{_percent(at['coverage'])} at {_percent(at['accuracy'])}" if at["coverage"] else "none"
            for at in figure["at"].values()
        ]
        for tier, figure in by_tier.items()
    ]
    brier = ("Brier", "Brier of the mean")
    return _grid(("tier", "ECE", "by chance alone", *brier, "at 0.8", "at 0.9", "at 0.95"), rows)


def _pairs(by_pair: Mapping[str, Any]) -> str:
    rows = [
        [name, how, f"{way['questions']:,}" if "questions" in way else ""]
        + [_between(way["apgr"], way.get("apgr_interval"))]
        + [_percent(way[key]) for key in ("cpt50", "cpt80")]
        for name, ways in by_pair.items()
        for how, way in ways.items()
        if way
    ]
    return _grid(("benchmark", "router", "tested on", "APGR, 95 % interval", "CPT50", "CPT80"), rows)


def _served(served: Mapping[str, Any]) -> list[str]:
    speed = served["speed"]
    rows = [
        [name, _percent(figure["moved_down"]), _percent(figure["moved_up"]), _percent(figure["quality"], 2)]
        for name, figure in served["rewrites"].items()
    ]
    return [
        f"**Speed**, text to tier, one core: {speed['p50_us']} µs at the median, {speed['p99_us']} µs at the "
        f"99th percentile of {speed['prompts']:,} prompts, {speed['jobs_per_second']:,} jobs/s; "
        f"{speed['characters_100000_p50_us']} µs for 100,000 characters.",
        "**Rewritten prompts**: the same questions by someone who wants them done cheaply.",
        _grid(("rewrite", "moved to a weaker tier", "to a stronger one", "quality then"), rows),
    ]


def _grid(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(head)
    lines = [names, ["---", *["---:"] * (len(names) - 1)], *map(list, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _between(value: float, interval: Sequence[float] | None) -> str:
    return f"{value:.3f}" if interval is None else f"{value:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"
