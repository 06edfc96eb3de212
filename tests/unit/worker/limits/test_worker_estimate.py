"""The estimated tokens of a call: the answer within its budget, and media by their rules."""

import base64
import struct
import zlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.worker.calls.prices import Prices
from pointsman.worker.limits.agent_limits import AgentLimits
from pointsman.worker.limits.call_reservation import CallReservation
from pointsman.worker.limits.ceilings import bounded, most_tokens
from pointsman.worker.limits.content import content_of
from pointsman.worker.limits.estimate import AnswerLength, call_tokens, most_prompt_tokens, prompt_tokens
from pointsman.worker.limits.limits_file import Rate
from pointsman.worker.limits.media import picture_tokens
from pointsman.worker.limits.picture_size import size_in
from pointsman_schemas.calls import Usage

NOW = datetime(2026, 5, 1, tzinfo=UTC)
TEXT = {"messages": [{"role": "user", "content": "What is on it?"}]}


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def png(width: int, height: int, more: int = 0) -> str:
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    return b64(b"\x89PNG\r\n\x1a\n" + chunk + bytes(more))


def gif(width: int, height: int) -> str:
    return b64(b"GIF89a" + struct.pack("<HH", width, height) + bytes(20))


def jpeg(width: int, height: int, before: int = 0) -> str:
    """A JPEG with this much metadata before its frame."""
    segments = b"".join(
        b"\xff\xe1" + struct.pack(">H", 60_002) + bytes(60_000) for _ in range(before // 60_000)
    )
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 17, 8, height, width, 3) + bytes(9)
    return b64(b"\xff\xd8\xff\xe0" + struct.pack(">H", 16) + bytes(14) + segments + frame)


def webp(kind: bytes, width: int, height: int) -> str:
    match kind:
        case b"VP8X":
            body = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        case b"VP8L":
            body = b"\x2f" + ((width - 1) | (height - 1) << 14).to_bytes(4, "little") + bytes(5)
        case _:
            body = b"\x30\x01\x00\x9d\x01\x2a" + struct.pack("<HH", width, height)
    return b64(b"RIFF" + bytes(4) + b"WEBP" + kind + bytes(4) + body)


@pytest.mark.parametrize(
    "encoded",
    [
        png(1200, 800, 700_000),
        gif(1200, 800),
        jpeg(1200, 800),
        jpeg(1200, 800, before=180_000),
        webp(b"VP8X", 1200, 800),
        webp(b"VP8L", 1200, 800),
        webp(b"VP8 ", 1200, 800),
    ],
)
def test_a_size_is_read_from_the_first_bytes(encoded: str) -> None:
    assert size_in(encoded) == (1200, 800)


@pytest.mark.parametrize(
    "encoded",
    [
        "",
        "no base64!",
        "=" * 100,
        b64(bytes(1000)),
        png(0, 5),
        jpeg(9, 9)[:20],
        b64(b"\xff\xd8" * 1000),
        "ä" * 64,
    ],
)
def test_unreadable_media_have_no_size(encoded: str) -> None:
    assert size_in(encoded) is None


@settings(deadline=None)  # a busy machine is no failure
@given(
    st.sampled_from([b"\xff\xd8\xff", b"RIFF1234WEBPVP8X", b"GIF87a", b"\x89PNG\r\n\x1a\n", b""]),
    st.binary(max_size=200),
)
def test_no_bytes_break_it(head: bytes, data: bytes) -> None:
    for model in ("gpt-4o", "gpt-4.1-mini", "claude-sonnet-4", "gemini-2.5-pro", "any"):
        assert 0 < picture_tokens(model, b64(head + data)) < 50_000


@pytest.mark.parametrize(
    ("model", "size", "tokens"),
    [
        ("gpt-4o", (1024, 1024), 765),
        ("gpt-4o", (2048, 4096), 1105),
        ("openai/gpt-4.1", (512, 512), 255),
        ("gpt-4o", (2**31, 2**31), 765),
        ("gpt-4o-mini", (1024, 1024), 2833 + 4 * 5667),
        ("gpt-4.1-mini", (1024, 1024), 1659),
        ("gpt-4.1-mini", (2**31, 2**31), 2489),
        ("claude-sonnet-4", (1000, 1000), 1334),
        ("claude-sonnet-4", (10_000, 10_000), 1600),
        ("gemini-2.5-flash", (300, 300), 258),
        ("gemini-2.5-flash", (1000, 700), 516),
        ("gemini-2.5-flash", (2**31, 2**31), 4128),
        ("llama-4", (1024, 1024), 765),
    ],
)
def test_a_picture_takes_what_its_provider_s_rule_says(
    model: str, size: tuple[int, int], tokens: int
) -> None:
    assert picture_tokens(model, png(*size)) == tokens


def test_a_picture_of_unknown_size_takes_the_rule_s_most() -> None:
    assert picture_tokens("gpt-4o", None) == picture_tokens("gpt-4o", b64(bytes(900_000))) == 1445
    assert picture_tokens("gpt-4o", None, low=True) == 85
    assert picture_tokens("claude-opus-4", None) == 1600


PICTURE = b64(bytes(700 * 1024))
URL = f"data:image/png;base64,{PICTURE}"


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": URL}},
        {"type": "image_url", "image_url": {"url": URL, "detail": "high"}},
        {"type": "image_url", "image_url": URL},
        {"type": "image_url", "image_url": {"url": PICTURE}},
        {"type": "input_image", "image_url": URL},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}},
        {
            "type": "tool_result",
            "content": [{"type": "image", "source": {"type": "base64", "data": PICTURE}}],
        },
        {"inline_data": {"mime_type": "image/png", "data": PICTURE}},
        {"type": "file", "file": {"file_data": URL, "filename": "a.png"}},
        {"type": "input_audio", "input_audio": {"data": PICTURE, "format": "mp3"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "input_image", "file_id": "file-1"},
    ],
)
def test_media_are_not_counted_as_text(part: dict[str, Any]) -> None:
    request = {"messages": [{"role": "user", "content": [{"type": "text", "text": "What is on it?"}, part]}]}
    content = content_of(request, "gpt-4.1")
    assert content.text < 600
    assert 0 < content.media <= 2_000
    assert 0 < prompt_tokens(request, "gpt-4.1") < 2_200
    most = Prices("openai").cost("gpt-4.1-mini", most_tokens(bounded(request, 4096), "gpt-4.1-mini"), NOW)
    assert most is not None and most < Decimal("0.01")


def test_files_are_counted_by_page_and_text_as_text() -> None:
    def tokens(data: str) -> int:
        part = {"type": "file", "file": {"file_data": data}}
        return prompt_tokens({"messages": [{"role": "user", "content": [part]}]}, "gpt-4.1")

    assert 40_000 < tokens(f"data:application/pdf;base64,{PICTURE}") < 50_000
    assert tokens("data:application/pdf;base64," + b64(bytes(9_000_000))) < 301_000, "a hundred pages"
    assert tokens("data:text/plain;base64," + b64(b"x" * 4_000)) == pytest.approx(1_000, abs=60)


def test_text_labelled_as_an_image_is_counted_as_text() -> None:
    request = {"messages": [{"role": "user", "content": "image " * 1_000}], "image_url": "x" * 1_000}
    assert most_prompt_tokens(request) > 7_000


AGENT = AgentLimits("agent")


def wants(tokens: int) -> CallReservation:
    return CallReservation("p/m", "gpt-4.1", Rate(tokens=tokens), Prices(None))


def reserved(reservation: CallReservation, **request: Any) -> int:
    return reservation.before(TEXT | request, AGENT, NOW)["p/m tokens"]


def used(reservation: CallReservation, tokens: int, **request: Any) -> None:
    reservation.after(TEXT | request, Usage(input_tokens=20, output_tokens=tokens), None, AGENT)


def test_one_long_answer_or_two_refuse_nobody() -> None:
    reservation = wants(10_000)
    for tokens in (100_000, 100, 100_000):
        used(reservation, tokens)
        assert reserved(reservation) < 1_000


def test_when_all_answers_are_longer_than_the_budget_calls_are_made_one_by_one() -> None:
    reservation = wants(10_000)
    for _ in range(50):
        used(reservation, 100_000)
    assert reserved(reservation) == 10_000
    for _ in range(5):
        used(reservation, 100)
    assert reserved(reservation) < 1_000, "and soon more of them again"


@pytest.mark.parametrize("bound", [{"max_tokens": 10**12}, {"max_completion_tokens": 9_500}, {"n": 10**9}])
def test_a_bound_beyond_the_budget_refuses_nobody(bound: dict[str, int]) -> None:
    assert reserved(wants(10_000), **bound) <= 10_000


def test_estimates_adapt_to_actual_usage() -> None:
    reservation = wants(10_000)
    used(reservation, 900, max_tokens=9_000)
    assert reserved(reservation, max_tokens=9_000) < 1_000


def test_a_prompt_beyond_the_budget_is_not_made_to_fit() -> None:
    reservation = wants(10_000)
    request = {"messages": [{"role": "user", "content": "x" * 50_000}]}
    assert reservation.before(request, AGENT, NOW)["p/m tokens"] > 10_000


def test_several_answers_to_one_request_are_counted_once() -> None:
    answers = AnswerLength()
    for _ in range(9):
        answers.saw(400, {"n": 4})
    assert answers.expected({"n": 4}) == 400


@settings(deadline=None)  # a busy machine is no failure
@given(
    seen=st.lists(st.tuples(st.integers(0, 10**9), st.none() | st.integers(1, 10**9)), max_size=20),
    most=st.none() | st.integers(1, 10**12),
    budget=st.integers(1, 10**6),
)
def test_no_estimate_exceeds_the_budget_unless_the_prompt_does(
    seen: list[tuple[int, int | None]], most: int | None, budget: int
) -> None:
    answers = AnswerLength()
    for tokens, allowed in seen:
        answers.saw(tokens, {} if allowed is None else {"max_tokens": allowed})
    expected = answers.expected({} if most is None else {"max_tokens": most})
    assert expected >= 0 and (most is None or expected <= most)
    assert 7 <= call_tokens(7, expected, budget) <= max(7, budget)
