"""Log lines of structlog and of the standard library in one form, with the current span and the service."""

import logging
import sys
from typing import TextIO

import structlog
from opentelemetry import trace
from structlog.typing import EventDict, Processor, WrappedLogger

from shared.telemetry.traceparent import trace_ids

_services: list[str] = []  # those set up in this process and not shut down


class StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to whatever sys.stderr is at the moment, so that redirecting it works."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)  # StreamHandler's own would keep the stderr of now

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # an attribute over there
        return sys.stderr


class Rarely(logging.Filter):
    """Lets one record through per `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._next = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        if record.created < self._next:
            return False
        self._next = record.created + self._seconds
        return True


def configure_logs(log_format: str) -> None:
    """Writes INFO and above to stderr, as "json" or "console" lines. Safe to repeat: the last format wins."""
    renderers = {"json": _json_renderer, "console": _console_renderer}
    if log_format not in renderers:
        raise ValueError(f'log_format: {log_format!r} is not known; use "json" or "console"')
    root = logging.getLogger()
    handler = next((found for found in root.handlers if isinstance(found, StderrHandler)), None)
    if handler is None:
        handler = StderrHandler()
        root.addHandler(handler)
        root.setLevel(logging.INFO)
        _calm_opentelemetry()
        _configure_structlog()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_context_processors(), structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers[log_format]()],
        )
    )


def enter_service(name: str) -> None:
    """Makes `name` one of the services of this process until `leave_service`."""
    _services.append(name)


def leave_service(name: str) -> None:
    _services.remove(name)


def service_of(logger_name: str) -> str:
    """Returns the service a record made here and now belongs to; empty when that cannot be told.

    That of the current span, or else that of the logger `services.<service>.…`, or else the only one of the process.
    """
    resource = getattr(trace.get_current_span(), "resource", None)
    if resource is not None:
        return str(resource.attributes.get("service.name", ""))
    if logger_name.startswith("services."):
        return logger_name.split(".")[1]
    return _services[0] if len(set(_services)) == 1 else ""


def _configure_structlog() -> None:
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_context_processors(),
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _calm_opentelemetry() -> None:
    logging.getLogger("opentelemetry").setLevel(logging.WARNING)  # at INFO it tells of every span after shutdown
    # While a collector is away, each exporter of each service would tell so every few seconds.
    logging.getLogger("opentelemetry.exporter.otlp.proto.grpc.exporter").addFilter(Rarely(60.0))


def _context_processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _add_span_and_service,
    ]


def _add_span_and_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    trace_id, span_id = trace_ids()
    if trace_id:
        event["trace_id"], event["span_id"] = trace_id, span_id
    if "service" not in event and (service := service_of(event.get("logger", ""))):
        event["service"] = service
    return event


def _json_renderer() -> list[Processor]:
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=str)]


def _console_renderer() -> list[Processor]:
    # The default formatter shows local variables, and with them whatever secret they hold.
    formatter = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), timestamp_key="time", exception_formatter=formatter)]
