"""A batch file always becomes the same jobs, or is refused with line numbers."""

import json
from typing import Any

from pointsman.gateway.batches.lines import MOST_LINES, lines_of

BODY = {"model": "auto", "messages": [{"role": "user", "content": "Hi"}]}


def file(*lines: Any) -> bytes:
    return b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)


def line(custom_id: Any, **more: Any) -> Any:
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": BODY, **more}


def test_each_line_is_the_same_job_whoever_reads_it() -> None:
    content = file(line("a"), b"", line("b"), b"  ")
    first, problems = lines_of("batch_1", content, 10_000)
    assert problems == []
    assert [(file_line.custom_id, file_line.request) for file_line in first] == [("a", BODY), ("b", BODY)]
    assert lines_of("batch_1", content, 10_000)[0] == first
    assert lines_of("batch_1", b"\xef\xbb\xbf" + content, 10_000)[0] == first  # as some editors begin a file
    other, _ = lines_of("batch_2", content, 10_000)
    assert len({file_line.job_id for file_line in (*first, *other)}) == 4


def test_errors_are_reported_by_line() -> None:
    content = file(
        line("a"),
        b"{",
        line("a"),
        {"custom_id": "c"},
        line("d", url="/v1/embeddings"),
        line("e", body={"x": "y" * 9_999}),
        b'{"custom_id": "\xff"}',
        {"custom_id": "g", "body": BODY},
        {"custom_id": "h", "url": "/v1/chat/completions", "body": BODY},
    )
    lines, problems = lines_of("batch_1", content, 5_000)
    assert [file_line.custom_id for file_line in lines] == ["a"]
    assert [problem.partition(":")[0] for problem in problems] == [f"line {n}" for n in range(2, 10)]
    assert "custom_id 'a' repeats that of line 1" in problems[1]


def test_sizes_are_limited() -> None:
    assert lines_of("b", b"\n\n", 100) == ([], ["line 1: there is none"])
    lines, problems = lines_of("b", file(*(line(str(n)) for n in range(MOST_LINES + 2))), 10_000)
    assert (len(lines), len(problems)) == (MOST_LINES, 1)
    assert len(lines_of("b", b"{\n" * 5_000, 100)[1]) == 20


def test_a_line_is_kept_unchanged() -> None:
    (kept,), _ = lines_of("b", b" " + file(line("a")) + b"\r\n", 10_000)
    assert (kept.request, kept.text.strip()) == (BODY, file(line("a")))
