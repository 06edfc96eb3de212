"""The command line: each command is a file that declares it, `show/` draws, and nothing heavy is loaded early."""
