"""Shape rules applied to one item of a batch: every fault stands at the item's place in the request."""

from ballast.intake.v1 import alert_pb2, change_pb2, incident_service_pb2

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
