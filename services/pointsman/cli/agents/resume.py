"""`pointsman agents resume`."""

from pointsman.cli.agents.state_command import state_command

resume = state_command("active", "End an agent's suspension.")
