"""Listing of pauses: since when, until when, and selection by name."""

from datetime import UTC, datetime

import pytest

from pointsman.bus.errors import BusError
from pointsman.cli.checks import limits as check
from pointsman.client.held import HeldTarget, held_at, named
from pointsman.limits.ledger import Ledger
from pointsman.runtime.settings import KafkaPart
from pointsman_schemas.control.limits import BreakerTurned, LimitPaused
from pointsman_schemas.topics import Topics

NOW = 1_795_863_600_000


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(NOW / 1000 + seconds, UTC)


def ledger() -> Ledger:
    state = Ledger()
    state.fold(LimitPaused(process="p", target="openai/gpt-4.1", seconds=100), NOW)
    state.fold(LimitPaused(process="p", target="openai/gpt-4.1", seconds=600), NOW + 50_000)
    state.fold(LimitPaused(process="p", target="openai/old", seconds=1), NOW)
    state.fold(BreakerTurned(process="p", target="other/m", to="open", seconds=90), NOW + 60_000)
    return state


def test_start_and_end_of_a_pause_are_shown() -> None:
    assert held_at(ledger(), NOW + 60_000) == [
        HeldTarget("openai/gpt-4.1", "paused", at(0), at(650), 590),
        HeldTarget("other/m", "broken", at(60), at(150), 90),
    ]
    assert held_at(ledger(), NOW + 700_000) == []


def test_a_state_of_an_older_release_has_no_beginning() -> None:
    state = ledger().standing()
    del state["paused_since"]
    assert held_at(Ledger(state), NOW + 60_000)[0].since is None


def test_a_pause_beyond_the_calendar_is_no_error() -> None:
    state = Ledger()
    state.fold(LimitPaused(process="p", target="t/m", seconds=600), 253_402_300_799_999)
    assert held_at(state, NOW)[0].until.year == 9999


@pytest.mark.parametrize(
    ("name", "targets"),
    [
        ("openai/gpt-4.1", ["openai/gpt-4.1"]),
        ("openai", ["openai/gpt-4.1"]),
        ("frontier", ["openai/gpt-4.1", "other/m"]),
        ("open", []),
        ("other", ["other/m"]),
        ("", []),
    ],
)
def test_a_name_means_a_model_a_provider_or_a_tier(name: str, targets: list[str]) -> None:
    tiers = {"frontier": ["openai/gpt-4.1", "other/m", "third/x"]}
    assert [pause.target for pause in named(name, held_at(ledger(), NOW + 60_000), tiers)] == targets


async def test_doctor_reports_pauses_and_how_to_end_them(monkeypatch: pytest.MonkeyPatch) -> None:
    async def held_now(kafka: KafkaPart, topics: Topics) -> list[HeldTarget]:
        return held_at(ledger(), NOW + 100_000)

    monkeypatch.setattr(check, "held_now", held_now)
    paused, broken = await check.limits(KafkaPart(), Topics())
    assert (paused.ok, paused.fix) == (False, "pointsman limits resume openai/gpt-4.1")
    assert paused.said == (
        "openai/gpt-4.1 is paused since 2026-11-28 11:00:00 UTC, "
        "may be called at 2026-11-28 11:10:50 UTC (in 9 min 10 s)"
    )
    assert broken.ok is True, "less than a minute is no fault"
    assert "other/m is broken since" in broken.said

    async def away(kafka: KafkaPart, topics: Topics) -> list[HeldTarget]:
        raise BusError("no broker")

    monkeypatch.setattr(check, "held_now", away)
    assert [finding.ok for finding in await check.limits(KafkaPart(), Topics())] == [None]
