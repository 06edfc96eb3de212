"""`python -m pointsman.dev.simulator`: the simulated provider as a program."""

import argparse
from pathlib import Path

from pydantic import ValidationError

from pointsman.dev.simulator.app import run
from pointsman.dev.simulator.faults import RULES, FaultRule
from pointsman.dev.simulator.server import CannotListenError
from pointsman.dev.simulator.settings import SimulatorSettings


def main(argv: list[str] | None = None) -> None:
    """Exits with 0 when stopped by SIGINT, 1 when it cannot listen, 2 on wrong flags."""
    parser = _parser()
    flags = parser.parse_args(argv)
    try:
        settings = SimulatorSettings(
            http_host=flags.host,
            http_port=flags.port,
            latency_ms=dict(flags.latency),
            jitter=flags.jitter,
            keep=flags.keep,
            faults=tuple(_rules(flags)),
        )
    except (ValidationError, OSError) as error:
        parser.error(str(error))
    try:
        run(settings, port_file=flags.port_file)
    except CannotListenError as error:
        parser.exit(1, f"error: {error}\n hint: {error.hint}\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pointsman.dev.simulator",
        description="A deterministic stand-in for a provider: OpenAI, Azure, Anthropic or Google.",
        epilog='Example: --latency small=2 --fault \'{"every": 10, "effect": {"kind": "rate_limit"}}\'',
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1")
    add("--port", type=int, default=0, help="0 takes any free port (default)")
    add("--port-file", type=Path, help="gets the port's number once it accepts connections")
    add(
        "--latency", type=_latency, action="append", default=[], metavar="TIER=MS", help="median; or MODEL=MS"
    )
    add("--jitter", type=float, default=0.2, help="sigma of the latency's lognormal (default 0.2)")
    add("--keep", type=int, default=200, help="last requests kept for GET /_sim/requests (default 200)")
    add("--fault", action="append", default=[], metavar="JSON", help="one rule; may be repeated")
    add("--faults-file", type=Path, help="a JSON list of rules")
    return parser


def _latency(text: str) -> tuple[str, float]:
    name, _, ms = text.partition("=")
    return name, float(ms)


def _rules(flags: argparse.Namespace) -> list[FaultRule]:
    rules = [FaultRule.model_validate_json(text) for text in flags.fault]
    if flags.faults_file is not None:
        rules += RULES.validate_json(flags.faults_file.read_bytes())
    return rules


if __name__ == "__main__":
    main()
