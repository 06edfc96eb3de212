"""Export spans to a collector by OTLP over HTTP, if the environment names one.

The variables are OpenTelemetry's: `OTEL_EXPORTER_OTLP_ENDPOINT` enables it; `OTEL_EXPORTER_OTLP_HEADERS`,
`OTEL_RESOURCE_ATTRIBUTES`, `OTEL_BSP_*` and others are read by its SDK.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING

from pointsman.runtime.errors import CommandError
from pointsman.runtime.telemetry.span import SendSpan, TraceSpan

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
#: How long to flush spans when the process ends, in seconds.
_END_S = 3.0


class SpanExporter:
    """`send` exports a span; None if no collector is set. Spans beyond the exporter's queue are dropped."""

    def __init__(self, service: str) -> None:
        """Set up the export. `service` is the service's name, unless `OTEL_SERVICE_NAME` sets another.

        Raises:
            CommandError: a collector is named, but OpenTelemetry is not installed.
        """
        self.send: SendSpan | None = None
        if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or not any(
            map(os.environ.get, _ENDPOINTS)
        ):
            return
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise CommandError(
                f"{' or '.join(_ENDPOINTS)} is set, and OpenTelemetry is not installed ({error.name})",
                "pip install 'pointsman[otel]', or unset it",
            ) from error
        named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": service}
        resource = Resource.create(named)
        self._exporter = OTLPSpanExporter()
        processor = BatchSpanProcessor(self._exporter)
        self.send = lambda span: processor.on_end(_readable(span, resource))
        self._processor = processor

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Allow spans to be sent during the block. At its end, flush them within a time limit."""
        try:
            yield
        finally:
            if self.send is not None:
                # Shutdown may wait for an unresponsive collector longer than the process has left.
                ending = threading.Thread(target=self._processor.shutdown, daemon=True)
                ending.start()
                await asyncio.to_thread(ending.join, _END_S)
                if ending.is_alive():
                    self._exporter.shutdown()  # type: ignore[no-untyped-call] # ends its retries and its thread


def _readable(span: TraceSpan, resource: object) -> "ReadableSpan":
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

    assert isinstance(resource, Resource)
    kinds = {"server": SpanKind.SERVER, "client": SpanKind.CLIENT, "consumer": SpanKind.CONSUMER}
    sampled = TraceFlags(TraceFlags.SAMPLED)

    def context(span_id: str) -> SpanContext:
        return SpanContext(int(span.trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=sampled)

    return ReadableSpan(
        name=span.name,
        context=context(span.span_id),
        parent=None if span.parent_id is None else context(span.parent_id),
        resource=resource,
        attributes=dict(span.attributes),
        kind=kinds[span.kind],
        status=Status(StatusCode.UNSET) if span.error is None else Status(StatusCode.ERROR, span.error),
        start_time=_ns(span.start),
        end_time=_ns(span.end),
        instrumentation_scope=InstrumentationScope("pointsman"),
    )


def _ns(time: datetime) -> int:
    return int(time.timestamp() * 1_000_000) * 1_000
