"""Commands for running and looking after an installation."""
