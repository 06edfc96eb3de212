"""`pointsman agents resume`."""

from pointsman.cli.agents.state_command import state_command

app = state_command("resume", "active", "End an agent's suspension.")
