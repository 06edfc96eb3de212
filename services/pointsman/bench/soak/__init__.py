"""Steady load, random kills and freezes, and afterwards the whole log compared with the audit."""
