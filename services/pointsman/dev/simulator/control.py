"""The `/_sim/` endpoints: what tests read from the simulator and tell it at run time."""

from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError

from pointsman.dev.simulator.errors import Refusal
from pointsman.dev.simulator.faults import RULES, Faults
from pointsman.dev.simulator.ledger import RequestLedger
from pointsman.dev.simulator.reply import SimulatedReply, refused, whole


@dataclass(frozen=True, slots=True)
class Control:
    """`GET` and `DELETE` for requests, stats and faults; `POST` adds faults."""

    faults: Faults
    ledger: RequestLedger

    def answer(self, method: str, path: str, body: bytes) -> SimulatedReply:
        match method, path.removeprefix("/_sim/"):
            case "GET", "requests":
                return _json(self.ledger.requests())
            case "DELETE", "requests":
                self.ledger.clear_requests()
                return _json({"cleared": "requests"})
            case "GET", "stats":
                return _json(self.ledger.stats())
            case "DELETE", "stats":
                self.ledger.clear_counters()
                return _json({"cleared": "stats"})
            case "GET", "faults":
                return _json(self.faults.listed())
            case "DELETE", "faults":
                self.faults.clear()
                return _json({"cleared": "faults"})
            case "POST", "faults":
                return self._add(body)
            case _:
                return refused(Refusal(404, f"There is no {method} {path}.", code="unknown_url"))

    def _add(self, body: bytes) -> SimulatedReply:
        """All rules or, if one is wrong, none and 400."""
        try:
            rules = RULES.validate_json(body)
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            return refused(Refusal(400, f"These are not fault rules: {wrong}."))
        self.faults.add(rules)
        return _json(self.faults.listed())


def _json(data: Any) -> SimulatedReply:
    return whole(orjson.dumps(data))
