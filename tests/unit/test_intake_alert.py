"""Alerts: the identity of a signal, and what a report of it means given what is known."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.alert import AlertReport, AlertState, KnownAlert, ReportOutcome, Sent, check_reports, fingerprint_of, outcome_of
from services.intake.domain.errors import ReportRefused

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SIGNAL = UUID(int=1)
LABELS = st.dictionaries(st.text(max_size=4), st.text(max_size=4), min_size=1, max_size=4)


def at(seconds: float | None) -> datetime | None:
    return None if seconds is None else NOW + timedelta(seconds=seconds)


def report(starts: float = 0, ends: float | None = None) -> AlertReport:
    return AlertReport("test", SIGNAL, {"component": "web"}, {}, at(starts) or NOW, at(ends))


def known(starts: float = 0, ends: float | None = None) -> KnownAlert:
    state = AlertState.FIRING if ends is None else AlertState.RESOLVED
    return KnownAlert(UUID(int=2), UUID(int=3), state, at(starts) or NOW, at(ends))


@given(LABELS, st.data())
def test_the_order_of_labels_does_not_matter(labels: dict[str, str], data: st.DataObject) -> None:
    shuffled = dict(data.draw(st.permutations(list(labels.items()))))
    assert fingerprint_of("a", "", shuffled) == fingerprint_of("a", "", labels)


@given(LABELS, LABELS)
def test_other_labels_are_another_signal(some: dict[str, str], others: dict[str, str]) -> None:
    assert (fingerprint_of("a", "", some) == fingerprint_of("a", "", others)) == (some == others)


def test_where_a_name_ends_and_a_value_begins_matters() -> None:
    assert fingerprint_of("s", "", {"a": "bc"}) != fingerprint_of("s", "", {"ab": "c"})
    assert fingerprint_of("s", "", {"a": "b", "c": "d"}) != fingerprint_of("s", "", {"a": 'b","c":"d'})


def test_labels_are_the_same_signal_whoever_sends_them() -> None:
    assert fingerprint_of("first", "", {"a": "b"}) == fingerprint_of("second", "", {"a": "b"})


def test_a_key_counts_within_its_source_only() -> None:
    assert fingerprint_of("first", "k", {"a": "b"}) != fingerprint_of("second", "k", {"a": "b"})


def test_with_a_key_labels_may_change() -> None:
    assert fingerprint_of("first", "k", {"a": "b"}) == fingerprint_of("first", "k", {"a": "c"})


def test_source_and_key_do_not_run_together() -> None:
    assert fingerprint_of("ab", "c", {}) != fingerprint_of("a", "bc", {})


def test_a_key_is_never_the_same_as_labels() -> None:
    assert fingerprint_of("s", "k", {"key": "s"}) != fingerprint_of("s", "", {"key": "s"})


def test_a_fingerprint_stays_what_it_is() -> None:
    """Alerts in the database are found by it: a release that changed it would open every firing alert again."""
    assert fingerprint_of("s", "", {"component": "web", "alertname": "Slow"}) == UUID("f572263d-a9d2-1977-3aca-df89d8691c84")
    assert fingerprint_of("s", "42", {}) == UUID("f896ac25-6266-dfea-ad27-bbe82e341c68")


@pytest.mark.parametrize(
    ("told", "held", "outcome"),
    [
        pytest.param(report(0), None, ReportOutcome.OPENED, id="the first firing opens"),
        pytest.param(report(0), known(0), ReportOutcome.REPEATED, id="the same firing again is a repeat"),
        pytest.param(report(50), known(0), ReportOutcome.REPEATED, id="a firing that claims a later begin is a repeat while it fires"),
        pytest.param(report(-50), known(0), ReportOutcome.REPEATED, id="a firing that claims an earlier begin is a repeat while it fires"),
        pytest.param(report(0, 60), known(0), ReportOutcome.RESOLVED, id="its end resolves it"),
        pytest.param(report(0, 0), known(0), ReportOutcome.RESOLVED, id="an end at its very begin resolves it"),
        pytest.param(report(-90, -60), known(0), ReportOutcome.STALE, id="the end of an earlier firing comes too late"),
        pytest.param(report(0, 60), known(0, 60), ReportOutcome.STALE, id="an end told twice is stale"),
        pytest.param(report(0, 60), None, ReportOutcome.STALE, id="the end of what never fired is stale"),
        pytest.param(report(0), known(0, 60), ReportOutcome.STALE, id="a firing told again after its end is stale"),
        pytest.param(report(60), known(0, 60), ReportOutcome.STALE, id="a firing that begins when the last one ended is that one"),
        pytest.param(report(61), known(0, 60), ReportOutcome.OPENED, id="a firing after the end is a new one"),
    ],
)
def test_what_a_report_means(told: AlertReport, held: KnownAlert | None, outcome: ReportOutcome) -> None:
    assert outcome_of(told, held) is outcome


def sent(begin: float, end: float | None = None, labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None) -> Sent:
    return labels or {"component": "web"}, annotations or {}, at(begin) or NOW, at(end)


def refused(*reports: Sent) -> list[tuple[str, str]]:
    with pytest.raises(ReportRefused) as error:
        check_reports(reports, NOW)
    assert error.value.reason == "REPORT_REFUSED"
    return [(each.field, each.description) for each in error.value.violations]


def test_times_that_can_be_true_pass() -> None:
    check_reports([sent(0), sent(0, 0), sent(-7300 * 86400, 0), sent(600)], NOW)


def test_a_time_further_ahead_than_clocks_differ_is_refused() -> None:
    ((field, description),) = refused(sent(601))
    assert field == "reports[0].starts_at"
    assert "lies in the future by more than 10 min; mend the sender's clock" in description


def test_a_time_of_another_age_is_refused() -> None:
    ((field, description),) = refused(sent(-21 * 366 * 86400))
    assert field == "reports[0].starts_at"
    assert "more than 20 years back; leave it out if it is unknown" in description


def test_an_end_before_its_begin_is_refused() -> None:
    assert refused(sent(0, -1)) == [("reports[0].ends_at", "lies before starts_at; leave it out while the alert fires")]


@pytest.mark.parametrize(
    ("report_", "field"),
    [
        (sent(0, labels={"component": "we\0b"}), "reports[0].labels"),
        (sent(0, labels={"comp\0nent": "web"}), "reports[0].labels"),
        (sent(0, annotations={"summary": "\0"}), "reports[0].annotations"),
    ],
)
def test_text_that_no_store_keeps_is_refused(report_: Sent, field: str) -> None:
    ((found, description),) = refused(report_)
    assert found == field
    assert "holds a NUL character, which no store keeps; take it out" in description


def test_every_report_at_fault_is_named() -> None:
    found = refused(sent(0), sent(700, 650), sent(0, 1), sent(5, 4))
    assert [field for field, _ in found] == ["reports[1].starts_at", "reports[1].ends_at", "reports[1].ends_at", "reports[3].ends_at"]


def test_the_message_names_the_first_few_only() -> None:
    with pytest.raises(ReportRefused) as error:
        check_reports([sent(0, -1)] * 1000, NOW)
    assert len(error.value.violations) == 1000
    assert error.value.message.count("reports[") == 5
