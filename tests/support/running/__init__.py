"""Servers, services and commands as real processes."""
