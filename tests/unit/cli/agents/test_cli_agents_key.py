"""`pointsman agents key` shows an API key once; the registry entry has only its digest."""

from datetime import date
from pathlib import Path

import pytest
import typer

from pointsman.cli.agents.api_key import expiry
from pointsman.identity.api_key import ApiKeyText
from pointsman.identity.keys import PrivateKey
from tests.support.running.command import Command, Done
from tests.support.text.parsed import parse_agents

TODAY = date(2026, 3, 1)


def pasted(done: Done) -> str:
    """The entry after pasting the printed lines."""
    _, begin, lines = done.err.partition("    api_keys:\n")
    return f"unregistered: reject\nagents:\n  - id: app\n    owner: x\n{begin}{lines}"


def names(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


async def test_an_api_key_is_alone_on_stdout_and_its_digest_can_be_pasted(tmp_path: Path) -> None:
    made = await Command(tmp_path, {}).run(
        "agents", "key", "--api", "--agent", "app", "--expires", "2999-01-01"
    )
    assert made.code == 0, made.err
    (text,) = made.lines
    key = ApiKeyText.parse(text)
    assert key is not None
    assert text not in made.err and "entry of app in agents.yaml" in made.err
    ((listed,),) = (entry.api_keys for entry in parse_agents(pasted(made), ()).entries)
    assert (listed.id, listed.sha256, str(listed.expires)) == (key.id, key.sha256, "2999-01-01")
    assert names(tmp_path) == []


async def test_a_key_file_is_private_and_never_replaced(tmp_path: Path) -> None:
    file = tmp_path / "app.key"
    command = Command(tmp_path, {})
    made = await command.run("agents", "key", "--api", str(file))
    assert (made.code, made.out) == (0, "")
    key = ApiKeyText.parse(file.read_text().strip())
    assert key is not None and key.sha256 in made.err and key.text not in made.err
    assert file.stat().st_mode & 0o777 == 0o600
    again = await command.run("agents", "key", "--api", str(file))
    assert again.code == 1 and "exists already" in again.err
    assert file.read_text() == key.text + "\n"


async def test_a_key_for_signing_is_made_as_before(tmp_path: Path) -> None:
    made = await Command(tmp_path, {}).run("agents", "key", "own.pem")
    key = PrivateKey.parse((tmp_path / "own.pem").read_text())
    assert (made.code, made.out) == (0, key.public.text + "\n")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "name the file"),
        (("own.pem", "--agent", "app"), "add --api"),
        (("--api", "--expires", "never"), "is no day such as"),
    ],
)
async def test_invalid_options_are_refused(tmp_path: Path, arguments: tuple[str, ...], problem: str) -> None:
    refused = await Command(tmp_path, {}).run("agents", "key", *arguments)
    assert (refused.code, refused.out) == (2, "")
    assert problem in " ".join(refused.err.split())
    assert names(tmp_path) == []


def test_an_expiry_is_a_date_or_a_number_of_days() -> None:
    assert expiry("2026-05-01", TODAY) == date(2026, 5, 1)
    assert expiry("90", TODAY) == expiry("90d", TODAY) == date(2026, 5, 30)
    for wrong in ("2026-03-01", "2020-01-01", "0", "9999", "1e3", "90 days", "", "2026-13-01"):
        with pytest.raises(typer.BadParameter):
            expiry(wrong, TODAY)
