"""Example configuration files: `pointsman init` writes them; the dev stack and the benchmarks use them."""

from pathlib import Path

POLICY, AGENTS, PROVIDERS = (
    Path(__file__).with_name(name) for name in ("policy.yaml", "agents.yaml", "providers.yaml")
)
