"""An OTLP collector in the test's own process, which keeps what it is sent."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Self

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

Attributes = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ReceivedSpan:
    """A span as it came over the wire; ids are hex, and empty for a root's parent."""

    name: str
    service: str
    trace_id: str
    span_id: str
    parent_span_id: str
    kind: str  # "SPAN_KIND_SERVER", …
    status: str  # "STATUS_CODE_ERROR", …
    attributes: Attributes
    events: tuple[tuple[str, Attributes], ...]
    links: tuple[tuple[str, str], ...]  # (trace id, span id)


@dataclass(frozen=True, slots=True)
class ReceivedMetric:
    """One data point of a metric: a sum's or gauge's value, or a histogram's sum and count."""

    name: str
    service: str
    unit: str
    value: float
    count: int
    attributes: Attributes
    bounds: tuple[float, ...]  # of a histogram's buckets


@dataclass(frozen=True, slots=True)
class ReceivedLog:
    """A log record; ids are hex, and empty outside a span."""

    body: str
    service: str
    severity: str
    trace_id: str
    span_id: str
    attributes: Attributes


@dataclass
class OtlpReceiver:
    """A gRPC server on a loopback port of its own. `async with OtlpReceiver() as receiver` starts and stops it."""

    received_spans: list[ReceivedSpan] = field(default_factory=list)
    received_metrics: list[ReceivedMetric] = field(default_factory=list)
    received_logs: list[ReceivedLog] = field(default_factory=list)
    resources: dict[str, Attributes] = field(default_factory=dict)  # by service name
    endpoint: str = ""

    def __post_init__(self) -> None:
        self._arrived = asyncio.Condition()
        self._server: grpc.aio.Server | None = None

    async def start(self) -> str:
        """Returns the endpoint, http://127.0.0.1:port."""
        server = grpc.aio.server()
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(_Traces(self), server)  # type: ignore[no-untyped-call]
        metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(_Metrics(self), server)  # type: ignore[no-untyped-call]
        logs_service_pb2_grpc.add_LogsServiceServicer_to_server(_Logs(self), server)  # type: ignore[no-untyped-call]
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        self._server = server
        self.endpoint = f"http://127.0.0.1:{port}"
        return self.endpoint

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop(None)
            self._server = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def spans(self, name: str | None = None) -> list[ReceivedSpan]:
        """Returns the spans received so far, in order of arrival; those of one name when it is given."""
        return [span for span in self.received_spans if name in {None, span.name}]

    def metrics(self, name: str | None = None) -> list[ReceivedMetric]:
        return [metric for metric in self.received_metrics if name in {None, metric.name}]

    def logs(self, body: str | None = None) -> list[ReceivedLog]:
        return [log for log in self.received_logs if body in {None, log.body}]

    async def wait_for(self, predicate: Callable[["OtlpReceiver"], object], timeout: float = 10.0) -> None:  # noqa: ASYNC109
        """Returns once `predicate(receiver)` is true; raises TimeoutError, which says what has arrived, if it stays false.

        Exporters send every few seconds: shut the telemetry down (by asyncio.to_thread) to have all of it at once.
        """
        try:
            async with asyncio.timeout(timeout), self._arrived:
                await self._arrived.wait_for(lambda: bool(predicate(self)))
        except TimeoutError:
            names = sorted({span.name for span in self.received_spans} | {metric.name for metric in self.received_metrics})
            raise TimeoutError(f"did not come within {timeout} s; arrived: {names}") from None

    def note_resource(self, resource: Resource) -> str:
        """Keeps the resource's attributes; returns its service name."""
        attributes = _attributes(resource.attributes)
        service = str(attributes.get("service.name", ""))
        self.resources[service] = attributes
        return service

    async def tell(self) -> None:
        """Wakes those who wait."""
        async with self._arrived:
            self._arrived.notify_all()


class _Traces(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, receiver: OtlpReceiver) -> None:
        self._receiver = receiver

    async def Export(
        self, request: trace_service_pb2.ExportTraceServiceRequest, _context: object
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        for group in request.resource_spans:
            service = self._receiver.note_resource(group.resource)
            self._receiver.received_spans += [_span(span, service) for scope in group.scope_spans for span in scope.spans]
        await self._receiver.tell()
        return trace_service_pb2.ExportTraceServiceResponse()


class _Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
    def __init__(self, receiver: OtlpReceiver) -> None:
        self._receiver = receiver

    async def Export(
        self, request: metrics_service_pb2.ExportMetricsServiceRequest, _context: object
    ) -> metrics_service_pb2.ExportMetricsServiceResponse:
        for group in request.resource_metrics:
            service = self._receiver.note_resource(group.resource)
            for scope in group.scope_metrics:
                for metric in scope.metrics:
                    self._receiver.received_metrics += _points(metric, service)
        await self._receiver.tell()
        return metrics_service_pb2.ExportMetricsServiceResponse()


class _Logs(logs_service_pb2_grpc.LogsServiceServicer):
    def __init__(self, receiver: OtlpReceiver) -> None:
        self._receiver = receiver

    async def Export(
        self, request: logs_service_pb2.ExportLogsServiceRequest, _context: object
    ) -> logs_service_pb2.ExportLogsServiceResponse:
        for group in request.resource_logs:
            service = self._receiver.note_resource(group.resource)
            self._receiver.received_logs += [
                ReceivedLog(
                    body=str(_value(record.body)),
                    service=service,
                    severity=record.severity_text,
                    trace_id=record.trace_id.hex(),
                    span_id=record.span_id.hex(),
                    attributes=_attributes(record.attributes),
                )
                for scope in group.scope_logs
                for record in scope.log_records
            ]
        await self._receiver.tell()
        return logs_service_pb2.ExportLogsServiceResponse()


def _span(span: Span, service: str) -> ReceivedSpan:
    return ReceivedSpan(
        name=span.name,
        service=service,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_span_id=span.parent_span_id.hex(),
        kind=Span.SpanKind.Name(span.kind),
        status=Status.StatusCode.Name(span.status.code),
        attributes=_attributes(span.attributes),
        events=tuple((event.name, _attributes(event.attributes)) for event in span.events),
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
    )


def _points(metric: Any, service: str) -> list[ReceivedMetric]:
    data = getattr(metric, metric.WhichOneof("data"))
    return [
        ReceivedMetric(
            name=metric.name,
            service=service,
            unit=metric.unit,
            value=point.sum if hasattr(point, "sum") else getattr(point, point.WhichOneof("value") or "as_int"),
            count=getattr(point, "count", 1),
            attributes=_attributes(point.attributes),
            bounds=tuple(getattr(point, "explicit_bounds", ())),
        )
        for point in data.data_points
    ]


def _attributes(pairs: Iterable[KeyValue]) -> Attributes:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    return getattr(value, kind) if kind else None
