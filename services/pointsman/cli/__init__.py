"""The command line: a file for each command, `show/` draws, and nothing heavy is loaded early."""
