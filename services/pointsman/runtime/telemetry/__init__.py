"""Spans for a trace collector, by OpenTelemetry's protocol."""
