"""An OpenTelemetry collector on the loopback interface."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector(HTTPServer):
    """Keeps what it receives."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.requests: list[ExportTraceServiceRequest] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def names_of(self, job_id: str) -> set[str]:
        """The names of the spans of this job."""
        return {
            span.name
            for span in self._spans()
            if any(_is_of(attribute, job_id) for attribute in span.attributes)
        }

    def _spans(self) -> Iterator[Span]:
        for request in list(self.requests):
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    yield from scope.spans


def _is_of(attribute: Any, job_id: str) -> bool:
    return bool(attribute.key == "pointsman.job.id" and attribute.value.string_value == job_id)


class _Taking(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        assert isinstance(self.server, Collector)
        self.server.requests.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing."""


@contextmanager
def collecting() -> Iterator[Collector]:
    """Runs a collector during the block."""
    with Collector() as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield server
        server.shutdown()
        serving.join()
