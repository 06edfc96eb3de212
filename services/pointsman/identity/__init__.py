"""Identity: what a signature covers, how it is made and verified. Pure."""
