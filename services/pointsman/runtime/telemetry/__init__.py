"""Spans for whoever collects traces, by OpenTelemetry's protocol."""
