"""The `/_sim/` endpoints, by which tests read the simulator's records and set faults at run time."""

from typing import Any

import orjson
from pydantic import ValidationError

from pointsman.dev.simulator.errors import Refusal
from pointsman.dev.simulator.faults import RULES, Faults
from pointsman.dev.simulator.ledger import RequestLedger
from pointsman.dev.simulator.reply import SimulatedReply, refused, whole


def answer(faults: Faults, ledger: RequestLedger, method: str, path: str, body: bytes) -> SimulatedReply:
    """Serve `GET` and `DELETE` for requests, stats and faults; `POST` adds faults."""
    match method, path.removeprefix("/_sim/"):
        case "GET", "requests":
            return _json(ledger.requests())
        case "DELETE", "requests":
            ledger.clear_requests()
            return _json({"cleared": "requests"})
        case "GET", "stats":
            return _json(ledger.stats())
        case "DELETE", "stats":
            ledger.clear_counters()
            return _json({"cleared": "stats"})
        case "GET", "faults":
            return _json(faults.listed())
        case "DELETE", "faults":
            faults.clear()
            return _json({"cleared": "faults"})
        case "POST", "faults":
            try:
                faults.add(RULES.validate_json(body))  # all or, if one is invalid, none
            except ValidationError as error:
                wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
                return refused(Refusal(400, f"These are not fault rules: {wrong}."))
            return _json(faults.listed())
        case _:
            return refused(Refusal(404, f"There is no {method} {path}.", code="unknown_url"))


def _json(data: Any) -> SimulatedReply:
    return whole(orjson.dumps(data))
