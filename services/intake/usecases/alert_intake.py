"""The way to `ReportAlerts` for what is no call of it: each report is judged by itself, and the good ones are stored."""

from collections.abc import Sequence
from datetime import timedelta

from services.intake.domain.alert import ReportOutcome, canonical, time_fault
from services.intake.domain.item import Refusal
from services.intake.usecases.report_alerts import ReportAlerts
from services.intake.usecases.reports import RawReport, Reports, Sent
from shared.clock import Clock


class AlertIntake:
    """Reports alerts on behalf of events and heartbeats. Not for use within a transaction: reports are stored in one of their own."""

    def __init__(self, report_alerts: ReportAlerts, clock: Clock, oldest: timedelta) -> None:
        """`oldest`: how far back the times of a report may lie."""
        self._report_alerts = report_alerts
        self._clock = clock
        self._oldest = oldest

    async def __call__(self, source: str, reports: Sequence[RawReport], places: Sequence[str]) -> list[str | Refusal]:
        """Stores the reports that stand at `places` of a request, and returns for each the alert's name once it is durable.

        The name is empty for an end of what is not known. Safe to repeat: the same report is a repeat.
        """
        answers: list[str | Refusal] = [self._fault(each, place) or "" for each, place in zip(reports, places, strict=True)]
        sent = Sent(Reports(), [])
        for index, (report, answer) in enumerate(zip(reports, answers, strict=True)):
            if not isinstance(answer, Refusal):
                sent.add(index, source, report, canonical(dict(report.labels)), canonical(dict(report.annotations)))
        if sent.places:
            receipts = await self._report_alerts(sent, source, None)
            for index, alert_id, outcome in zip(sent.places, receipts.alert_ids, receipts.outcomes, strict=True):
                if outcome is not ReportOutcome.REFUSED:
                    answers[index] = f"alerts/{alert_id}"
        return answers

    def _fault(self, report: RawReport, place: str) -> Refusal | None:
        if not report.labels:
            return Refusal("REPORT_REFUSED", f"{place}.labels", "is empty; at least one label says what the alert is about")
        for name, texts in (("labels", report.labels), ("annotations", report.annotations)):
            if any("\0" in part for pair in texts.items() for part in pair):
                return Refusal("REPORT_REFUSED", f"{place}.{name}", "holds a NUL character, which no store keeps; take it out")
        fault = time_fault(report.starts_at, report.ends_at, self._clock.now(), self._oldest)
        return Refusal("REPORT_REFUSED", f"{place}.{fault.field}", fault.description) if fault else None
