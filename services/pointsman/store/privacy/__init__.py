"""Encrypts (seals), decrypts and erases what the audit holds about a data subject."""
