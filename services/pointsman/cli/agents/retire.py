"""`pointsman agents retire`."""

from pointsman.cli.agents.state_command import state_command

app = state_command("retire", "retired", "Take an agent out of the registry; its history stays.")
