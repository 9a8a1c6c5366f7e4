"""What the replay sends: alerts that say what the status page said, and a suite that nobody else's settings reach."""

from dataclasses import replace

import protovalidate
import pytest

from clients.cli.demo.outage_file import Impact
from clients.cli.demo.requests import alert_reports, component_message, item_message, policy_message, summary_of, team_message
from clients.cli.demo.suite import suite_environment
from tests.support.demo import cloud_year, outage

PRODUCTS = ("Apigee", "Cloud CDN", "Cloud Run")


def test_each_product_of_an_outage_fires_alerts_that_name_its_component_and_the_outage() -> None:
    example, told = cloud_year(), outage(number="42", products=PRODUCTS)
    reports = alert_reports(told, example.components_of(told), over=False)
    assert [dict(report.labels) for report in reports] == [
        {"component": component, "alertname": "ErrorRateHigh", "outage": "42", "severity": "medium"}
        for component in ("apigee", "cdn", "run")
    ]
    assert {report.annotations["ballast.service_impact"] for report in reports} == {"disruption"}
    assert not any(report.HasField("ends_at") for report in reports)


def test_the_alerts_that_resolve_are_those_that_fired() -> None:
    example, told = cloud_year(), replace(outage(products=PRODUCTS), impact=Impact.OUTAGE)
    fired, over = (alert_reports(told, example.components_of(told), over=over) for over in (False, True))
    assert [dict(report.labels) for report in fired] == [dict(report.labels) for report in over]
    assert len(fired) == 6
    assert all(report.ends_at.ToSeconds() > report.starts_at.ToSeconds() for report in over)


def test_the_summary_tells_how_many_products_are_affected() -> None:
    assert summary_of(outage(products=PRODUCTS)) == "Apigee and 2 more: disruption"
    assert summary_of(outage(products=PRODUCTS[:1])) == "Apigee: disruption"


def test_everything_the_shipped_year_sends_keeps_the_contracts_shape_rules() -> None:
    example = cloud_year(26)
    messages = [
        *(component_message(each) for each in example.components),
        *(team_message(each, example) for each in example.teams),
        *(item_message(each, done=done) for each in example.items for done in (False, True)),
        policy_message(example.policy.allocation),
        *(report for each in example.outages for report in alert_reports(each, example.components_of(each), over=True)),
    ]
    for message in messages:
        protovalidate.validate(message)


@pytest.mark.parametrize(
    "key", ["BALLAST_INTAKE_DATABASE_URL", "BALLAST_CACHE_URL", "BALLAST_TRIAGE_SUBSCRIBERS", "BALLAST_INTAKE_GROUP_BY"]
)
def test_settings_of_another_suite_do_not_reach_the_demo_s(key: str) -> None:
    environment = suite_environment({key: "postgresql://production", "PATH": "/bin", "BALLAST_INTAKE_OTLP_ENDPOINT": "http://collector"})
    assert environment == {"PATH": "/bin", "BALLAST_INTAKE_OTLP_ENDPOINT": "http://collector", "BALLAST_INTAKE_GROUP_BY": '["outage"]'}
