"""Reports as they come over the wire, read into columns; each that breaks a rule is refused by itself."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from ballast.intake.v1 import alert_pb2, item_error_pb2
from ballast.intake.v1.alert_pb import AlertReport
from orjson import OPT_SORT_KEYS as SORTED
from orjson import dumps
from protobuf.wkt.google.protobuf.timestamp_pb import Timestamp

from services.intake.domain.alert import ReportOutcome, canonical, digest_of, stamp_of, time_fault
from services.intake.domain.item import Refusal
from services.intake.usecases.receipts import Receipts
from services.intake.usecases.reports import Reports, Sent, path_of
from shared.rpc.fault import faults_of
from shared.rpc.native import usual_message
from shared.rpc.salvage import damage_of
from shared.rpc.shape import breaches_of

_NUL = b"\\u0000"  # as JSON writes it
_MOST_KNOWN = 4096
_LONGEST_LABELS, _LONGEST_ANNOTATIONS, _LONGEST_KEY, _LONGEST_URL = 1024, 8192, 255, 2048
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000_000  # ns


UNKNOWN = Refusal(
    "ALERT_UNKNOWN",
    "ends_at",
    "ends what nobody told of; send starts_at too, so that an end that comes before its firing is kept",
)


class ReportReader:
    """Reads reports, and remembers which sets of names the contract's rules let through.

    The contract's own rules are what decides. They cost more than all the rest, and alerts come with few different sets of names; so
    a report whose names were let through before, and whose texts are short enough to break no rule, is not asked about again.
    """

    def __init__(self, oldest: timedelta) -> None:
        self._oldest = oldest
        self._known: set[tuple[str, ...]] = set()

    def read(self, source: str, messages: Sequence[AlertReport], now: datetime) -> Sent:
        """Returns the reports of one request from one source."""
        reports = Reports()
        sent = Sent(reports, [])
        for place, message in enumerate(messages):
            labels, annotations = message.labels, message.annotations
            label_text, annotation_text = dumps(labels, option=SORTED), dumps(annotations, option=SORTED)
            plain = self._is_plain((*labels, "", *annotations), label_text, annotation_text, message.key, message.generator_url)
            starts_at = ends_at = None
            try:
                starts_at = None if message.starts_at is None else _time(message.starts_at)
                ends_at = None if message.ends_at is None else _time(message.ends_at)
            except (ValueError, OverflowError):
                plain = False  # what is wrong with it is found below
            refusal = None if plain else self._refusal(message)
            if refusal is None and (starts_at is not None or ends_at is not None):
                fault = time_fault(starts_at, ends_at, now, self._oldest)
                refusal = Refusal("TIME_INVALID", fault.field, fault.description) if fault else None
            if refusal is not None:
                sent.refuse(place, refusal, message.to_binary())
                continue
            key, url = message.key, message.generator_url
            sent.places.append(place)
            reports.fingerprints.append(digest_of(canonical(["key", source, key]) if key else label_text))
            reports.labels.append(labels)
            reports.annotations.append(annotations)
            reports.label_texts.append(label_text)
            reports.annotation_texts.append(annotation_text)
            reports.stamps.append(stamp_of(label_text, annotation_text, url))
            reports.starts.append(starts_at)
            reports.ends.append(ends_at)
            reports.urls.append(url)
        reports.sources = [source] * len(sent.places)
        return sent

    def _is_plain(self, names: tuple[str, ...], labels: bytes, annotations: bytes, key: str, url: str) -> bool:
        """Whether the rules are sure to let it through: names they let through before, and texts that are short as a whole."""
        return (
            names in self._known
            and len(labels) <= _LONGEST_LABELS
            and len(annotations) <= _LONGEST_ANNOTATIONS
            and len(key) <= _LONGEST_KEY
            and len(url) <= _LONGEST_URL
            and "\0" not in key
            and "\0" not in url
            and _NUL not in labels
            and _NUL not in annotations
        )

    def _refusal(self, message: AlertReport) -> Refusal | None:
        """Returns why the contract refuses the report, or why no store keeps it."""
        usual = usual_message(message)
        damage = damage_of(usual)
        if damage is not None:
            return _undecoded(damage)
        found = faults_of(usual) or breaches_of(usual)
        if found:
            return Refusal("FIELD_INVALID", found[0].field, found[0].description)
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known.add((*message.labels, "", *message.annotations))
        return None


def _undecoded(field: str) -> Refusal:
    """Returns why a report is refused that could not be decoded; `field` holds the text that is no UTF-8, if that is why."""
    if field:
        return Refusal("TEXT_INVALID", field, "holds text that is no UTF-8; encode it as UTF-8, or replace what cannot be")
    return Refusal("REPORT_MALFORMED", "", "cannot be read as a report; generate the client from this service's contract")


def receipts_to_pb(sent: Sent, receipts: Receipts, field_name: str = "reports") -> list[alert_pb2.AlertReceipt]:
    """Returns one receipt for each report of the request, in its order."""
    make = alert_pb2.AlertReceipt
    made = [
        _refused(place, UNKNOWN, field_name)
        if outcome is ReportOutcome.REFUSED
        else make(
            alert=f"alerts/{alert_id}" if alert_id else "",
            fingerprint=fingerprint.hex,
            incident=f"incidents/{incident_id}" if incident_id else "",
            outcome=outcome,  # type: ignore[arg-type]  # the numbers are the contract's
        )
        for place, alert_id, fingerprint, incident_id, outcome in zip(
            sent.places, receipts.alert_ids, sent.reports.fingerprints, receipts.incident_ids, receipts.outcomes, strict=True
        )
    ]
    if not sent.refusals:
        return made
    by_place = dict(zip(sent.places, made, strict=True))
    return [by_place[place] if place in by_place else _refused(place, sent.refusals[place], field_name) for place in range(sent.count)]


def _refused(place: int, refusal: Refusal, field_name: str) -> alert_pb2.AlertReceipt:
    error = item_error_pb2.ItemError(
        reason=refusal.reason, field=path_of(field_name, place, refusal.field), description=refusal.description
    )
    return alert_pb2.AlertReceipt(outcome=alert_pb2.REPORT_OUTCOME_REFUSED, error=error)


def _time(stamp: Timestamp) -> datetime:
    """Returns the time, to the microsecond. Raises ValueError or OverflowError for one that does not exist."""
    if not 0 <= stamp.nanos < _SECOND:
        raise ValueError
    return _EPOCH + timedelta(seconds=stamp.seconds, microseconds=stamp.nanos // 1000)
