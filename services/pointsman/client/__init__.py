"""The Python client for agents: submit jobs, await their outcomes."""

from pointsman.client.client import Client, OutcomeTimeoutError
from pointsman.client.job import InvalidJobError, JobLike

__all__ = ["Client", "InvalidJobError", "JobLike", "OutcomeTimeoutError"]
