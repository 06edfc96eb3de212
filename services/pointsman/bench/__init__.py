"""Benchmarks. Each published figure names the command that measures it."""
