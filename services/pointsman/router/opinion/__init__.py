"""The second opinion's process, and who knows whether anybody gives one."""
