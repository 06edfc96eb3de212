"""Render a page as one self-contained HTML file, without scripts or external resources."""

from decimal import Decimal
from html import escape
from importlib.resources import files
from typing import Any

from pointsman.cli.formats import duration
from pointsman.cli.page.page import Page, Section, Table, Text, TimelineBar
from pointsman.cli.show.answer import cell


def html(page: Page) -> str:
    """Return the page as HTML. All content is escaped."""
    style = (files("pointsman.cli.page") / "style.css").read_text(encoding="utf-8")
    facts = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>\n" for name, value in page.facts
    )
    title, state = escape(page.title), escape(page.state)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}: {state}</title>
<style>
{style}</style>
</head>
<body>
<header>
<h1>{title} <span class="state {state}">{state}</span></h1>
<p>{escape(page.verdict)}</p>
<dl>
{facts}</dl>
</header>
<main>
{"".join(_section(section) for section in page.sections)}</main>
<footer>{escape(page.footer)}</footer>
</body>
</html>
"""


def _section(section: Section) -> str:
    lead = f"<p>{escape(section.lead)}</p>\n" if section.lead else ""
    table = _table(section.table) if section.table is not None else ""
    texts = "".join(_text(text) for text in section.texts)
    return (
        f"<section>\n<h2>{escape(section.title)}</h2>\n{lead}{_bars(section.bars)}{table}{texts}</section>\n"
    )


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in table.columns)
    body = "".join(f"<tr>{''.join(_cell(value) for value in row)}</tr>\n" for row in table.rows)
    head = f"<thead><tr>{head}</tr></thead>"
    return f'<div class="wide"><table>\n{head}\n<tbody>\n{body}</tbody>\n</table></div>\n'


def _cell(value: Any) -> str:
    number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return f"<td{' class=number' if number else ''}>{escape(cell(value))}</td>"


def _text(text: Text) -> str:
    return f"<details><summary>{escape(text.caption)}</summary><pre>{escape(text.text)}</pre></details>\n"


def _bars(bars: tuple[TimelineBar, ...]) -> str:
    """Draw each stage of the job on its own line, on a common time scale."""
    if not bars:
        return ""
    total = max(bar.start + bar.length for bar in bars) or 1.0
    rows = "".join(_bar(bar, total) for bar in bars)
    return f'<div class="bars">\n{rows}</div>\n'


def _bar(bar: TimelineBar, total: float) -> str:
    left, width = 100 * bar.start / total, max(0.2, 100 * bar.length / total)
    stretch = f'<i class="{bar.kind}" style="left:{left:.2f}%;width:{width:.2f}%"></i>'
    return (
        f'<div class="bar"><span>{escape(bar.label)}</span><div>{stretch}</div>'
        f"<span>{escape(duration(bar.length))}</span></div>\n"
    )
