"""The command line: one file per command; `show/` draws; heavy libraries are imported late."""
