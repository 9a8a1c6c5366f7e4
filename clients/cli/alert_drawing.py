"""Alerts as people read them: in lists, one by one, and why each is where it is."""

from collections.abc import Iterable

from ballast.intake.v1 import alert_pb2, explanation_pb2
from rich.console import RenderableType

from clients.cli.formats import enum_text, time_text
from clients.cli.output import Column, cell, facts, table


def draw_alerts(alerts: Iterable[alert_pb2.Alert], title: str = "") -> RenderableType:
    rows = [
        (
            each.name,
            _state(each),
            _kept(each),
            time_text(each, "starts_at"),
            time_text(each, "ends_at"),
            each.report_count,
            each.source,
            _pairs(each.labels.items()),
        )
        for each in alerts
    ]
    columns = (
        Column("alert", whole=True),
        "state",
        "kept as",
        Column("began", whole=True),
        Column("ended", whole=True),
        Column("reports", right=True),
        "source",
        "labels",
    )
    return table(title, columns, rows)


def draw_alert(alert: alert_pb2.Alert) -> RenderableType:
    rule = f"{alert.rule} (revision {alert.rule_revision})" if alert.rule else ""
    return facts(
        [
            ("name", alert.name),
            ("state", _state(alert)),
            ("kept as", enum_text(alert, "disposition")),
            ("muted by", alert.mute if alert.disposition == alert_pb2.ALERT_DISPOSITION_MUTED else ""),
            ("was muted by", alert.mute if alert.disposition != alert_pb2.ALERT_DISPOSITION_MUTED else ""),
            ("incident", alert.incident),
            ("rule", rule),
            ("began", time_text(alert, "starts_at")),
            ("ended", time_text(alert, "ends_at")),
            ("began again", f"{alert.refired_count} times" if alert.refired_count else ""),
            ("reports", f"{alert.report_count}, the last at {time_text(alert, 'update_time')}"),
            ("source", alert.source),
            ("labels", _pairs(alert.labels.items())),
            ("annotations", _pairs(alert.annotations.items())),
            ("shown at", alert.generator_url),
            ("fingerprint", alert.fingerprint),
        ]
    )


def draw_explanation(told: explanation_pb2.ExplainAlertResponse) -> Iterable[RenderableType]:
    yield cell(told.summary, "bold")
    yield facts([("alert", told.alert.name), ("incident", told.incident.name), ("decided", time_text(told, "decided_at"))])
    columns = ("about", "why", Column("what decided", whole=True), Column("version", right=True))
    yield table("why", columns, [(enum_text(each, "step"), each.text, each.resource, each.version or "") for each in told.lines])
    if told.counterfactuals:
        otherwise = [(each.condition, enum_text(each, "disposition"), each.text) for each in told.counterfactuals]
        yield table("otherwise", ("condition", "kept as", "what would have happened"), otherwise)


def _state(alert: alert_pb2.Alert) -> str:
    return enum_text(alert, "state") + (", flapping" if alert.flapping else "")


def _kept(alert: alert_pb2.Alert) -> str:
    by = {alert_pb2.ALERT_DISPOSITION_MUTED: alert.mute, alert_pb2.ALERT_DISPOSITION_HELD: f"rule {alert.rule}"}.get(alert.disposition)
    return enum_text(alert, "disposition") + (f" by {by}" if by else "")


def _pairs(items: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(items))
