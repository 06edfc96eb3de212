"""Render a page as Markdown, for an incident report."""

import re

from pointsman.cli.formats import duration, printable
from pointsman.cli.page.page import Page, Section, Table, Text
from pointsman.cli.show.answer import cell


def markdown(page: Page) -> str:
    """Return the page as Markdown. All content is escaped."""
    lines = [f"# {plain(page.title)}: {plain(page.state)}", "", plain(page.verdict), ""]
    lines += _table(Table(("", ""), page.facts))
    for section in page.sections:
        lines += ["", f"## {plain(section.title)}", ""]
        lines += _section(section)
    lines += ["", "---", plain(page.footer)]
    return "\n".join(lines) + "\n"


def _section(section: Section) -> list[str]:
    lines = [plain(section.lead)] if section.lead else []
    if section.bars:
        rows = [(bar.label, duration(bar.start), duration(bar.length)) for bar in section.bars]
        lines += ["", *_table(Table(("stage", "after", "took"), rows))]
    if section.table is not None:
        lines += ["", *_table(section.table)]
    for text in section.texts:
        lines += ["", *_fenced(text)]
    return lines[1:] if lines and not lines[0] else lines


def _table(table: Table) -> list[str]:
    lines = [_row([plain(name) for name in table.columns]), _row(["---"] * len(table.columns))]
    return lines + [_row([plain(cell(value)) for value in row]) for row in table.rows]


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def plain(text: str) -> str:
    """Return `text` in one line, with the special characters of Markdown and HTML escaped."""
    return re.sub(r"([\\`*\[\]<>|#~&]|\b_|_\b)", r"\\\1", printable(text))


def _fenced(text: Text) -> list[str]:
    """Return a code block whose fence is longer than any run of backticks in the text."""
    longest = max((len(run) for run in re.findall(r"`+", text.text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"**{plain(text.caption)}**", "", fence + "text", text.text, fence]
