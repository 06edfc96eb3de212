"""Generates the published description of the messages and topics: JSON Schema, AsyncAPI, Markdown."""
