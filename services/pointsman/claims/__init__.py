"""The claim check: large values are kept in a store under their digest, and records carry a reference."""
