"""Services of the dev stack never share a port, however many tiers there are."""

from pathlib import Path

import pytest

from pointsman.dev.services import fleet
from pointsman.dev.services.fleet import GATEWAY_PORT, gateway_elsewhere, ports_of
from pointsman.dev.services.processes import Process


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


def test_a_gateway_on_another_port_is_said_with_both_ports() -> None:
    def at(port: int) -> list[Process]:
        return [Process("gateway", ["run", "gateway"], {}, Path("log"), f"http://127.0.0.1:{port}")]

    assert gateway_elsewhere(at(GATEWAY_PORT)) is None
    assert gateway_elsewhere(at(40000)) == (
        f"port {GATEWAY_PORT} is in use: the gateway listens on http://127.0.0.1:40000"
    )
