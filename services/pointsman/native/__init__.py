"""The router's swift way compiled from Rust (`services/native`), where that was built; optional."""
