"""Who says it: what a signature covers, how it is made, and what is thought of one. Pure."""
