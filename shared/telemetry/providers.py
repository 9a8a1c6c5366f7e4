"""One service's tracer, meter and log export, over OTLP when there is an endpoint."""

import threading
import time
from collections.abc import Callable
from importlib.metadata import version as version_of
from uuid import uuid4

from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Meter, NoOpMeter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Tracer

from shared.telemetry.log_export import otlp_handler
from shared.telemetry.logs import configure_logs, enter_service, leave_service
from shared.telemetry.unexported import UnexportedTracer

NAMESPACE = "ballast"
FLUSH_SECONDS = 5.0

# Advised by the semantic conventions for durations in seconds, such as rpc.server.call.duration.
DURATION_BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)


class Telemetry:
    """The tracer and meter of one service. Without an endpoint spans still get ids, and go nowhere."""

    def __init__(self, resource: Resource, endpoint: str) -> None:
        self.service_name = str(resource.attributes["service.name"])
        self._exports: list[_Export] = []
        self._is_shut = False
        self._log_provider: LoggerProvider | None = None
        self.tracer: Tracer = self._exported_tracer(resource, endpoint) if endpoint else UnexportedTracer(resource)
        self.meter: Meter = self._exported_meter(resource, endpoint) if endpoint else NoOpMeter(NAMESPACE)
        if endpoint:
            self._export_logs(resource, endpoint)
        enter_service(self.service_name)

    def shutdown(self, deadline_seconds: float = FLUSH_SECONDS) -> None:
        """Sends what is left and stops; gives up after the deadline. Blocks: coroutines call it by asyncio.to_thread.

        Safe to repeat. Spans begun afterwards still get ids.
        """
        if self._is_shut:
            return
        self._is_shut = True
        leave_service(self.service_name)
        if self._log_provider is not None:
            otlp_handler().remove(self._log_provider)  # records made from here on have nowhere to go
        deadline = time.monotonic() + deadline_seconds
        for export in self._exports:
            export.begin_to_end()
        for export in self._exports:
            export.end_by(deadline)

    def _exported_tracer(self, resource: Resource, endpoint: str) -> Tracer:
        exporter = OTLPSpanExporter(endpoint=endpoint)
        processor = BatchSpanProcessor(exporter)
        tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
        tracers.add_span_processor(processor)
        self._exports.append(_Export(processor.shutdown, exporter.shutdown))
        return tracers.get_tracer(NAMESPACE)

    def _exported_meter(self, resource: Resource, endpoint: str) -> Meter:
        exporter = OTLPMetricExporter(endpoint=endpoint)
        reader = PeriodicExportingMetricReader(exporter)
        self._exports.append(_Export(reader.shutdown, exporter.shutdown))
        return MeterProvider([reader], resource=resource, shutdown_on_exit=False).get_meter(NAMESPACE)

    def _export_logs(self, resource: Resource, endpoint: str) -> None:
        exporter = OTLPLogExporter(endpoint=endpoint)
        provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
        otlp_handler().add(self.service_name, provider)
        self._log_provider = provider
        self._exports.append(_Export(provider.shutdown, exporter.shutdown))


class _Export:
    """One signal's way out: flushed in a thread, as the SDK's own shutdowns wait up to 30 s each."""

    def __init__(self, flush: Callable[[], object], abort: Callable[[], object]) -> None:
        self._abort = abort
        self._thread = threading.Thread(target=flush, daemon=True, name="telemetry-flush")

    def begin_to_end(self) -> None:
        self._thread.start()

    def end_by(self, deadline: float) -> None:
        """Waits until `deadline` (monotonic), then drops what was not sent."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._thread.is_alive():
            self._abort()


def setup(service_name: str, *, endpoint: str = "", log_format: str = "json", version: str = "") -> Telemetry:
    """Returns the telemetry of one service of this process, and configures the process's logs.

    `endpoint` is the OTLP gRPC one: http://host:port in the clear, https://host:port by TLS; empty exports nothing.
    `version` is that of the installed distribution unless given.
    """
    configure_logs(log_format)
    resource = Resource.create(
        {
            "service.name": service_name,
            "service.namespace": NAMESPACE,
            "service.version": version or version_of(NAMESPACE),
            "service.instance.id": str(uuid4()),
        }
    )
    return Telemetry(resource, endpoint)
