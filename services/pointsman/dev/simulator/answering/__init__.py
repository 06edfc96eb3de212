"""The answers of the simulated models. The same request always gets the same answer."""
