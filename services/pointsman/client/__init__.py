"""The Python client for agents: submits jobs and awaits their outcomes."""

from pointsman.client.client import Client, OutcomeTimeoutError
from pointsman.client.job import InvalidJobError, JobLike

__all__ = ["Client", "InvalidJobError", "JobLike", "OutcomeTimeoutError"]
