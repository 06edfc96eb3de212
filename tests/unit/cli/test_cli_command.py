"""Functions as commands: settings from options or the environment, and exit codes."""

from typing import TYPE_CHECKING, Annotated

import pytest
import typer
from typer.testing import CliRunner

from pointsman.cli.command import SettingsOf, command
from pointsman.cli.options import BusSettings, Kafka, Prefix

if TYPE_CHECKING:
    from pointsman.cli.settings import CliSettings

NEEDED = Annotated[str, typer.Option(metavar="NAME")]


@command
async def where(text: str, *, code: int = 0, settings: BusSettings) -> int:
    """Prints Kafka's address."""
    typer.echo(f"{text} {settings.kafka} {settings.prefix}")
    return code


@command
def needs(
    *,
    settings: Annotated[
        "CliSettings", SettingsOf("pointsman.cli.settings:CliSettings", prefix=NEEDED, kafka=Kafka)
    ],
) -> None:
    typer.echo(settings.prefix)


@command
def fixed(
    *,
    settings: Annotated[
        "CliSettings", SettingsOf("pointsman.cli.settings:CliSettings", kafka="fixed:1", prefix=Prefix)
    ],
) -> None:
    typer.echo(settings.kafka)


def run(function: object, *arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(function)  # type: ignore[type-var]
    done = CliRunner().invoke(app, list(arguments))
    return done.exit_code, done.output


def test_options_become_settings_and_a_coroutine_is_run() -> None:
    assert run(where, "it is", "--kafka", "one:1", "--prefix", "p") == (0, "it is one:1 p\n")


def test_the_environment_sets_what_options_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTSMAN_KAFKA", "two:2")
    assert run(where, "it is", "--prefix", "p") == (0, "it is two:2 p\n")


def test_what_is_returned_is_the_exit_code() -> None:
    assert run(where, "it is", "--code", "3")[0] == 3


def test_an_option_that_must_not_be_none_is_required() -> None:
    assert run(needs)[0] == 2
    assert run(needs, "--prefix", "p") == (0, "p\n")


def test_a_field_may_have_a_fixed_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POINTSMAN_KAFKA", "two:2")
    assert run(fixed) == (0, "fixed:1\n")
    assert "--kafka" not in run(fixed, "--help")[1]


def test_the_help_shows_options_in_the_place_of_settings() -> None:
    text = run(where, "--help")[1]
    assert "Prints Kafka's address." in text
    assert "--kafka" in text
    assert "settings" not in text
