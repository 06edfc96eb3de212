"""Services of the dev stack never share a port, however many tiers there are."""

import pytest

from pointsman.dev.services import fleet
from pointsman.dev.services.fleet import GATEWAY_PORT, ports_of


@pytest.mark.parametrize("tiers", [0, 3, 4, 6, 7, 12])
def test_each_has_its_own_and_the_gateway_its_known_one(monkeypatch: pytest.MonkeyPatch, tiers: int) -> None:
    monkeypatch.setattr(fleet, "is_free", lambda port: True)
    names = ["router", *(f"worker-{tier}" for tier in range(tiers)), "review", "gateway", "audit"]
    ports = ports_of(names)
    assert len(set(ports.values())) == len(names)
    assert (ports["router"], ports["gateway"]) == (18081, GATEWAY_PORT)


def test_used_ports_are_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet, "is_free", lambda port: port not in (18081, GATEWAY_PORT))
    ports = ports_of(["router", "gateway", "audit"])
    assert not {18081, GATEWAY_PORT} & set(ports.values())
    assert ports["audit"] == 18083
