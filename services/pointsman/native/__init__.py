"""The router's fast path compiled from Rust (`services/native`), where that was built; optional."""
