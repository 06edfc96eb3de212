"""Builds a worker: lanes on one tier's topic, and an ear for cancellations."""

from pointsman.bus.commands import on_cancel
from pointsman.bus.host import Service, control_broker, serve
from pointsman.bus.window_lane import window_lanes
from pointsman.runtime import logging
from pointsman.runtime.clock import Clock, utc_now
from pointsman.worker.settings import WorkerSettings


def build(settings: WorkerSettings, *, clock: Clock = utc_now) -> Service:
    """A worker of `settings.tier` as a service."""
    raise NotImplementedError


def run(settings: WorkerSettings) -> int:
    """Work until told to stop; returns the exit code."""
    logging.configure()
    return serve(build(settings), settings)
