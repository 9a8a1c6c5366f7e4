"""Shape rules applied to one item of a batch: every fault stands at the item's place in the request."""

import math

from ballast.intake.v1 import alert_pb2, change_pb2, incident_service_pb2
from ballast.triage.v1 import budget_policy_pb2, sli_service_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from shared.rpc.shape import breaches_of, item_breaches_of


def test_a_breach_names_field_rule_and_remedy() -> None:
    (found,) = breaches_of(alert_pb2.AlertReport())
    assert (found.field, found.description) == ("labels", "map must be at least 1 entries: add at least one entry (rule map.min_pairs)")


def test_a_text_that_says_nothing_and_an_address_get_remedies_of_their_own() -> None:
    found = breaches_of(incident_service_pb2.DeclareIncidentRequest(title=" ", evidence_url="ftp://ci/41"))
    assert {each.field: each.description.partition("`: ")[2] for each in found} == {
        "title": "say something, not only spaces (rule string.pattern)",
        "evidence_url": "send an address that begins with http:// or https:// (rule string.pattern)",
    }


def test_the_breaches_of_an_item_stand_at_its_place() -> None:
    broken = change_pb2.ChangeReport(components=["", "b"])
    assert sorted(each.field for each in item_breaches_of(broken, "changes[3]")) == [
        "changes[3].components[0]",
        "changes[3].key",
        "changes[3].kind",
    ]
    assert item_breaches_of(change_pb2.ChangeReport(key="k", kind=change_pb2.CHANGE_KIND_FLAG), "changes[3]") == []


def test_what_no_store_keeps_and_times_that_do_not_exist_are_breaches_of_an_item() -> None:
    broken = change_pb2.ChangeReport(key="a\0b", kind=change_pb2.CHANGE_KIND_FLAG)
    broken.started_at.seconds = 2**60
    assert [each.field for each in item_breaches_of(broken, "x")] == ["x.key", "x.started_at"]


def test_an_enum_that_has_no_such_number_is_told_what_there_is() -> None:
    (found,) = [each for each in breaches_of(change_pb2.ChangeReport(key="k", kind=77)) if each.field == "kind"]  # type: ignore[arg-type]
    assert "send one of CHANGE_KIND_DEPLOY, " in found.description
    nested = budget_policy_pb2.BudgetPolicy(steps=[budget_policy_pb2.BudgetStep(name="x", effect=77)])  # type: ignore[arg-type]
    (found,) = breaches_of(nested)
    assert found.field == "steps[0].effect"
    assert "send one of BUDGET_EFFECT_CONTINUE, BUDGET_EFFECT_TICKET, " in found.description


def test_what_is_no_number_is_said_once() -> None:
    sample = sli_service_pb2.SliSample(slo="slos/a", source="x", occurred_at=Timestamp(seconds=1), good=math.nan, total=math.inf)
    assert [(each.field, each.description) for each in breaches_of(sample)] == [
        ("good", "must be finite: send a finite number (rule double.finite)"),
        ("total", "must be finite: send a finite number (rule double.finite)"),
    ]
