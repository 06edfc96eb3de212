"""A token is read when needed and after it expires, by one call at a time, within limits."""

import asyncio
from pathlib import Path

import pytest

from pointsman.runtime import token_source
from pointsman.runtime.token_source import TokenSourceError
from pointsman.worker import bearer_token
from pointsman.worker.bearer_token import BearerToken, TokenRow


class Time:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(bearer_token, "monotonic", time.monotonic)
    return time


class TokenFile:
    """Contains `one` at first."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "token"
        self.write("one\n")

    def write(self, text: str) -> None:
        self.path.write_text(text)

    def remove(self) -> None:
        self.path.unlink()


@pytest.fixture
def file(tmp_path: Path) -> TokenFile:
    return TokenFile(tmp_path)


async def test_it_is_renewed_after_it_expires(time: Time, file: TokenFile) -> None:
    token = BearerToken(TokenRow(file=file.path, renew_s=100))
    assert await token.value() == "one"
    file.write("two")
    time.now += 99
    assert await token.value() == "one"
    time.now += 1
    assert await token.value() == "two"


async def test_concurrent_calls_wait_for_one_program(tmp_path: Path) -> None:
    count = tmp_path / "count"
    token = BearerToken(TokenRow(command=f"sh -c 'echo x >> {count}; echo tok'"))
    assert await asyncio.gather(*(token.value() for _ in range(20))) == ["tok"] * 20
    assert count.read_text() == "x\n"


async def test_a_cancelled_call_does_not_affect_others(tmp_path: Path) -> None:
    go = tmp_path / "go"
    token = BearerToken(TokenRow(command=f"sh -c 'until [ -e {go} ]; do sleep 0.01; done; echo tok'"))
    cancelled, stays = asyncio.create_task(token.value()), asyncio.create_task(token.value())
    await asyncio.sleep(0)
    cancelled.cancel()
    go.touch()
    assert await stays == "tok"


async def test_if_renewal_fails_the_previous_token_is_used(time: Time, file: TokenFile) -> None:
    token = BearerToken(TokenRow(file=file.path, renew_s=100))
    await token.value()
    file.remove()
    time.now += 100
    assert await token.value() == "one"
    file.write("two")
    assert await token.value() == "one"  # nobody looks again at once
    time.now += 5
    assert await token.value() == "two"


async def test_without_a_token_retries_are_delayed(time: Time, file: TokenFile) -> None:
    file.remove()
    token = BearerToken(TokenRow(file=file.path))
    for _ in range(2):
        with pytest.raises(TokenSourceError, match=r"token.file: .* cannot be read: No such file"):
            await token.value()
        file.write("two")
    time.now += 5
    assert await token.value() == "two"


async def test_a_refused_token_is_renewed_unless_it_is_new(time: Time, file: TokenFile) -> None:
    token = BearerToken(TokenRow(file=file.path, renew_s=3600))
    await token.value()
    file.write("two")
    assert not token.refused("one")
    assert await token.value() == "one"
    time.now += 10
    assert token.refused("one")
    assert await token.value() == "two"
    assert token.refused("one")  # of a call that was under way meanwhile
    assert await token.value() == "two"


async def test_a_refused_token_is_not_used_again(time: Time, file: TokenFile) -> None:
    token = BearerToken(TokenRow(file=file.path))
    await token.value()
    time.now += 60
    token.refused("one")
    file.remove()
    with pytest.raises(TokenSourceError):
        await token.value()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "gives no token"),
        ("two tokens", "gives more than a token: must be one line without spaces"),
        ("two\ntokens", "gives more than a token"),
        ("t\N{LATIN SMALL LETTER O WITH DIAERESIS}ken", "gives more than a token"),
        ("t" * (16 * 1024 + 1), "gives more than 16 KB"),
        ("t" * (64 * 1024 + 1), "gives more than 64 KB"),
    ],
    ids=["empty", "space", "lines", "letters", "long", "endless"],
)
def test_an_invalid_token_is_refused_without_repeating_it(
    file: TokenFile, content: str, expected: str
) -> None:
    file.write(content)
    for row in (TokenRow(file=file.path), TokenRow(command=f"cat {file.path}")):
        with pytest.raises(TokenSourceError) as error:
            row.read()
        assert expected in str(error.value)
        assert not content or content[:9] not in str(error.value)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("sh -c 'echo s3cr3t; exit 3'", r"token.command failed \(exit code 3\)"),
        ("/nowhere/token", "token.command cannot be run: No such file"),
        ("'", "token.command cannot be run: No closing quotation"),
        (" ", "token.command cannot be run"),
        ("yes", "token.command gives more than 64 KB"),
        ("sh -c 'sleep 120 & wait'", "token.command did not end within 0.3 s"),
    ],
)
def test_a_program_that_prints_no_token_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, command: str, expected: str
) -> None:
    if "sleep" in command:
        monkeypatch.setattr(token_source, "COMMAND_S", 0.3)
    with pytest.raises(TokenSourceError, match=expected) as error:
        TokenRow(command=command).read()
    assert "s3cr3t" not in str(error.value)
