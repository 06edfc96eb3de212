"""Decisions on record: read from the audit, with the policy and the models that they were made by."""
