"""Types of events and RPCs, as people type them."""

import re
from pathlib import Path

import pytest

from clients.cli.contract_names import EVENT_TYPES, METHODS, event_type, method_name
from shared.errors import InvalidInput

PROTOS = Path(__file__).parents[2] / "protos" / "ballast"
OPENED = "ballast.intake.v1.IncidentOpened"
LIST_ACCESS = "ballast.governance.v1.AccessService/ListAccess"


def told(pattern: str, files: str) -> set[str]:
    """Returns what the contracts declare in files of such names."""
    return {
        f"ballast.{path.parent.parent.name}.v1.{name}"
        for path in PROTOS.rglob(files)
        for name in re.findall(pattern, path.read_text(), re.MULTILINE)
    }


def test_every_event_of_the_contracts_is_known() -> None:
    assert told(r"^message (\w+)", "*_events.proto") <= EVENT_TYPES
    assert {f"ballast.events.v1.{name}" for name in ("AccessObserved", "CallRecorded", "OutboxManifest")} <= EVENT_TYPES


def test_every_service_of_the_contracts_is_known() -> None:
    assert told(r"^service (\w+)", "*.proto") == {each.partition("/")[0] for each in METHODS}


@pytest.mark.parametrize("text", ["IncidentOpened", " incidentopened ", "v1.IncidentOpened", "intake.v1.IncidentOpened", OPENED])
def test_a_type_of_event_may_be_given_by_its_last_part(text: str) -> None:
    assert event_type("--type", text) == OPENED


@pytest.mark.parametrize("text", ["ListAccess", "AccessService/ListAccess", "listaccess", LIST_ACCESS])
def test_an_rpc_may_be_given_by_its_last_part(text: str) -> None:
    assert method_name("--method", text) == LIST_ACCESS


@pytest.mark.parametrize("text", ["", "dev.cdevents.incident.detected.0.3.0", "com.example.v1.Shipped"])
def test_a_type_that_is_not_the_suites_stays_as_it_is(text: str) -> None:
    assert event_type("--type", text) == text


def test_an_rpc_of_a_service_nobody_knows_here_stays_as_it_is() -> None:
    assert method_name("--method", "ballast.rollout.v9.FlagService/ListFlags") == "ballast.rollout.v9.FlagService/ListFlags"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("IncidentOpend", "'IncidentOpend' is no known name of a type of event; near it are ballast.intake.v1.IncidentOpened"),
        ("zzz", "give one such as ballast.allocation.v1.AllocationPolicyChanged, whole or its last part"),
    ],
)
def test_an_unknown_type_is_refused_with_what_is_near_it(text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        event_type("--type", text)
    assert refused.value.violations[0].field == "--type"
    assert said in refused.value.message


def test_a_short_name_of_two_is_refused_with_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clients.cli.contract_names.EVENT_TYPES", frozenset({"a.v1.Made", "b.v1.Made"}))
    with pytest.raises(InvalidInput, match=r"may be a\.v1\.Made or b\.v1\.Made; give the whole name"):
        event_type("--type", "Made")
