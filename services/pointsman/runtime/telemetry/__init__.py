"""Spans for an OpenTelemetry collector."""
