"""`pointsman agents retire`."""

from pointsman.cli.agents.state_command import state_command

retire = state_command("retired", "Take an agent out of the registry; its history stays.")
