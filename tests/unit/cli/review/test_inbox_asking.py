"""The questions of the inbox and the accepted input."""

import pytest
from textual.app import App

from pointsman.cli.review.inbox_asking import AskTier


@pytest.mark.parametrize(
    ("keys", "tier"),
    [
        (["enter"], "small"),
        (["down", "enter"], "medium"),
        ([*"frontier", "enter"], "frontier"),
        (["m", "enter"], "medium"),
        ([*"fx", "m", "enter"], "medium"),
        (["f", "escape"], None),
    ],
    ids=["at once", "an arrow", "its name", "its beginning", "a slip", "left"],
)
async def test_a_tier_is_chosen_by_arrows_or_by_its_name(keys: list[str], tier: str | None) -> None:
    chosen: list[str | None] = []
    app: App[None] = App()
    async with app.run_test() as pilot:
        await app.push_screen(AskTier(["small", "medium", "frontier"]), chosen.append)
        await pilot.press(*keys)
        await pilot.pause()
    assert chosen == [tier]
