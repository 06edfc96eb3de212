"""`pointsman agents suspend`."""

from pointsman.cli.agents.state_command import state_command

suspend = state_command(
    "suspended",
    "Refuse an agent's jobs from now on; jobs under way go on.\n\n"
    "Its Kafka login ends too, where it has one and you may: its next write is refused, on an open "
    "connection as well. One person may suspend, also where the rules ask for two.",
)
