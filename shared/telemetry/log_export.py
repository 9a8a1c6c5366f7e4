"""Log records over OTLP, each under the resource of the service it belongs to."""

import logging
import sys

from opentelemetry._logs import LoggerProvider, SeverityNumber
from opentelemetry.util.types import AnyValue

from shared.telemetry.logs import service_of

# Records of the exporter itself would cause records for as long as the collector is away.
_NOT_EXPORTED = "opentelemetry"
_SEVERITIES = (  # the numbers of the OpenTelemetry log data model
    (logging.CRITICAL, SeverityNumber.FATAL),
    (logging.ERROR, SeverityNumber.ERROR),
    (logging.WARNING, SeverityNumber.WARN),
    (logging.INFO, SeverityNumber.INFO),
)
_NOT_ATTRIBUTES = frozenset({"event", "service", "level", "logger", "time", "trace_id", "span_id", "exc_info"})


class OtlpHandler(logging.Handler):
    """Hands records to the logger provider of their service; those of no known service go to the first one."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._providers: list[tuple[str, LoggerProvider]] = []

    def add(self, service: str, provider: LoggerProvider) -> None:
        self._providers.append((service, provider))

    def remove(self, provider: LoggerProvider) -> None:
        self._providers = [entry for entry in self._providers if entry[1] is not provider]

    def emit(self, record: logging.LogRecord) -> None:
        providers = self._providers
        if not providers or record.name.startswith(_NOT_EXPORTED):
            return
        event = record.msg if isinstance(record.msg, dict) else {"event": record.getMessage()}
        service = str(event.get("service") or service_of(record.name))
        provider = next((found for name, found in providers if name == service), providers[0][1])
        provider.get_logger(record.name).emit(
            timestamp=int(record.created * 1e9),
            severity_number=_severity(record.levelno),
            severity_text=record.levelname,
            body=str(event.get("event", "")),
            attributes={key: _value(value) for key, value in event.items() if key not in _NOT_ATTRIBUTES},
            exception=_exception(event.get("exc_info") or record.exc_info),
        )


def otlp_handler() -> OtlpHandler:
    """Returns the process's handler, installed at the first call."""
    root = logging.getLogger()
    for found in root.handlers:
        if isinstance(found, OtlpHandler):
            return found
    handler = OtlpHandler()
    root.addHandler(handler)
    return handler


def _severity(level: int) -> SeverityNumber:
    return next((number for least, number in _SEVERITIES if level >= least), SeverityNumber.DEBUG)


def _value(value: object) -> AnyValue:
    return value if isinstance(value, str | bool | int | float) else str(value)


def _exception(exc_info: object) -> BaseException | None:
    """Finds the exception in any of the forms logging allows for `exc_info`."""
    found = exc_info[1] if isinstance(exc_info, tuple) else sys.exc_info()[1] if exc_info is True else exc_info
    return found if isinstance(found, BaseException) else None
