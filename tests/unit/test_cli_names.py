"""Names as people type them, and addresses as the command finds them."""

import json
from pathlib import Path

import pytest

from clients.cli.addresses import PORTS, find_addresses, service_named
from clients.cli.names import any_name, either_name, resource_name, team_name
from shared.errors import InvalidInput, Unavailable

UUID = "0199b0c8-0000-7000-8000-00000000000a"


@pytest.mark.parametrize("text", [UUID, UUID.upper(), f"incidents/{UUID}", f" {UUID}\n", UUID.replace("-", "")])
def test_a_uuid_is_enough_where_the_kind_is_clear(text: str) -> None:
    assert resource_name("INCIDENT", "incidents", text) == f"incidents/{UUID}"


@pytest.mark.parametrize("text", ["", "12", "incidents/", f"decisions/{UUID}", f"x/incidents/{UUID}", "incidents/../x"])
def test_a_name_of_another_kind_or_none_is_refused_with_the_argument_named(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        resource_name("INCIDENT", "incidents", text)
    assert refused.value.violations[0].field == "INCIDENT"
    assert "incidents/{uuid}" in refused.value.violations[0].description


def test_a_bare_uuid_of_two_kinds_is_tried_as_both() -> None:
    both = ("assessments", "incidents")
    assert either_name("NAME", both, UUID) == [f"assessments/{UUID}", f"incidents/{UUID}"]
    assert either_name("NAME", both, f"incidents/{UUID}") == [f"incidents/{UUID}"]
    with pytest.raises(InvalidInput, match="is not of assessments/ or incidents/"):
        either_name("NAME", both, f"bundles/{UUID}")


def test_a_team_goes_by_its_id() -> None:
    assert team_name("TEAM", "core") == team_name("TEAM", "teams/core") == "teams/core"
    for text in ("", "Core", "a/b", "-a", "a" * 64, "core\n\x1b[2J"):
        if text.strip() != "core":
            with pytest.raises(InvalidInput, match="TEAM"):
                team_name("TEAM", text)


def test_lineage_needs_the_whole_name() -> None:
    assert any_name("NAME", f"bundles/{UUID}") == f"bundles/{UUID}"
    for text in (UUID, "bundles/", "/x", ""):
        with pytest.raises(InvalidInput, match="names no kind"):
            any_name("NAME", text)


def running(directory: Path, port: int) -> Path:
    directory.mkdir(exist_ok=True)
    (directory / "suite.json").write_text(json.dumps({"ready": True, "addresses": dict.fromkeys(PORTS, f"127.0.0.1:{port}")}))
    return directory


def test_without_any_word_the_default_ports_are_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_addresses({}, None, {})["governance"] == "127.0.0.1:7106"


def test_the_more_a_word_was_meant_for_this_call_the_more_it_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    running(tmp_path / ".ballast", 1)
    assert find_addresses({}, None, {})["intake"] == "127.0.0.1:1"
    environment = {"BALLAST_INTAKE_ADDRESS": "intake:2"}
    assert find_addresses({}, None, environment)["intake"] == "intake:2"
    other = running(tmp_path / "other", 3)
    assert find_addresses({}, other, environment)["intake"] == "127.0.0.1:3"
    assert find_addresses({"intake": "intake:4"}, other, environment)["intake"] == "intake:4"
    assert find_addresses({"intake": "intake:4"}, other, environment)["triage"] == "127.0.0.1:3"


def test_no_other_suite_answers_for_one_that_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no suite runs") as refused:
        find_addresses({}, tmp_path / "stopped", {"BALLAST_INTAKE_ADDRESS": "intake:2"})
    assert refused.value.reason == "SUITE_NOT_RUNNING"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"addresses": 3}', '{"addresses": {"intake": '])
def test_a_file_that_no_suite_wrote_is_refused_by_its_path(tmp_path: Path, text: str) -> None:
    (tmp_path / "suite.json").write_text(text)
    with pytest.raises(InvalidInput, match=r"suite\.json"):
        find_addresses({}, tmp_path, {})


def test_a_service_that_is_none_is_refused_with_the_list_of_those_there_are() -> None:
    assert service_named("triage") == "triage"
    with pytest.raises(InvalidInput, match="intake, triage, allocation, playbook, governance"):
        service_named("gateway")
