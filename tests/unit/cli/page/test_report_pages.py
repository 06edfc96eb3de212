"""A report as Markdown and as HTML: complete, and with all content escaped."""

from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from pointsman.cli.page.html import html
from pointsman.cli.page.markdown import markdown, plain
from pointsman.cli.page.page import Page, Section, Table, Text, TimelineBar
from pointsman.cli.page.texts import answer_text, messages_text, pretty

EVIL = "</pre></details><script>alert(1)</script> | `x` **bold** \x1b[31m <img src=http://x/>"


def page(*sections: Section, **changes: object) -> Page:
    known = {"title": "Job 1", "state": "failed", "verdict": "It failed.", "facts": [("agent", "a")]}
    return Page(**{**known, **changes, "sections": sections})  # type: ignore[arg-type]


class Tags(HTMLParser):
    """All tags and texts of a document. Fails on wrong nesting."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


EVERYWHERE = page(
    Section(
        EVIL, EVIL, Table((EVIL, "cost_usd"), [(EVIL, Decimal("0.10"))]), (Text(EVIL, EVIL),),
        (TimelineBar(EVIL, 0, 1), TimelineBar("b", 1, 3, kind="bad")),
    ),
    title=EVIL, verdict=EVIL, facts=[(EVIL, EVIL)], footer=EVIL,
)  # fmt: skip


def test_html_is_well_formed_and_runs_nothing() -> None:
    tags = Tags(html(EVERYWHERE))
    names = {name for name, _ in tags.found}
    assert names.isdisjoint({"script", "img", "link", "iframe", "object"})
    assert tags.text.count("alert(1)") >= 9
    assert not [
        value for _, attributes in tags.found for value in attributes.values() if "http" in (value or "")
    ]


def test_html_needs_nothing_from_elsewhere() -> None:
    policy = [attributes for name, attributes in Tags(html(page())).found if "http-equiv" in attributes]
    assert (policy[0]["content"] or "").startswith("default-src 'none'")


def test_bars_share_one_scale() -> None:
    bars = (TimelineBar("first", 0, 1), TimelineBar("second", 1, 3, kind="bad"))
    drawn = [
        attributes for name, attributes in Tags(html(page(Section("t", bars=bars)))).found if name == "i"
    ]
    assert [(attributes["class"], attributes["style"]) for attributes in drawn] == [
        ("wait", "left:0.00%;width:25.00%"),
        ("bad", "left:25.00%;width:75.00%"),
    ]


def test_bars_without_any_length_are_drawn() -> None:
    assert "left:0.00%" in html(page(Section("t", bars=(TimelineBar("at once", 0, 0),))))


def test_content_is_escaped_in_markdown() -> None:
    text = markdown(EVERYWHERE)
    outside = text.split("````text")[0] if "````text" in text else text.split("```text")[0]
    assert "<script>" not in outside.replace("\\<script\\>", "")
    assert "\x1b" not in outside
    (row,) = [line for line in text.splitlines() if "0.1" in line]
    assert row.replace("\\|", "").count("|") == 3


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("server_error", "server_error"),
        ("_it_", "\\_it\\_"),
        ("a|b", "a\\|b"),
        ("# no title", "\\# no title"),
        ("two\nlines", "two lines"),
        ("[x](http://y)", "\\[x\\](http://y)"),
    ],
)
def test_markdown_syntax_is_escaped(text: str, escaped: str) -> None:
    assert plain(text) == escaped


@pytest.mark.parametrize("inside", ["```\nrm -rf\n```", "`````", "no ticks"])
def test_a_fence_is_longer_than_fences_in_its_content(inside: str) -> None:
    lines = markdown(page(Section("t", texts=(Text("c", inside),)))).splitlines()
    fences = [place for place, line in enumerate(lines) if line.endswith("`text")]
    opening = lines[fences[0]].removesuffix("text")
    closing = lines.index(opening, fences[0] + 1)
    assert "\n".join(lines[fences[0] + 1 : closing]) == inside


def test_every_section_is_on_both_pages() -> None:
    whole = page(
        Section("First", "a lead", Table(("n",), [(1,), (None,)])),
        Section("Second", texts=(Text("caption", "body"),), bars=(TimelineBar("wait", 0, 2),)),
        footer="the end",
    )
    for text in (markdown(whole), Tags(html(whole)).text):
        for word in (
            "Job 1",
            "failed",
            "agent",
            "First",
            "a lead",
            "Second",
            "caption",
            "body",
            "wait",
            "the end",
        ):
            assert word in text


def test_texts_are_shown_unchanged() -> None:
    messages = [{"role": "user", "content": "Hi\nthere"}, {"role": "user", "content": [{"type": "image"}]}]
    assert messages_text(messages).startswith("user: Hi\nthere\n\n{")
    assert messages_text("plain") == "plain"
    assert messages_text({"a": 1}) == pretty({"a": 1})
    assert answer_text({"choices": [{"message": {"content": "Yes."}}]}) == "Yes."
    assert answer_text({"choices": []}) == pretty({"choices": []})
    assert answer_text(None) is None
    assert (
        pretty({"at": datetime(2026, 1, 1, tzinfo=UTC)}, indent=None) == '{"at": "2026-01-01 00:00:00+00:00"}'
    )
