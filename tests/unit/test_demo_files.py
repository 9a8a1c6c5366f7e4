"""Reading the example folder: what is right is taken whole, what is wrong is refused with file, line, field, rule and remedy."""

import shutil
from pathlib import Path

import pytest

from clients.cli.demo.errors import FileRefused
from clients.cli.demo.example import read_example
from clients.cli.demo.outage_file import COLUMNS, Impact, read_outages
from tests.support.demo import CLOUD_YEAR

ROW = "77,2021-07-07T21:25:00+00:00,2021-07-07T23:40:00+00:00,2021-07-07T22:45:03+00:00,high,SERVICE_OUTAGE,5,0,Cloud Firestore;Apigee"


def write(folder: Path, *rows: str) -> Path:
    path = folder / "incidents.csv"
    path.write_text("\n".join([",".join(COLUMNS), *rows]) + "\n")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(FileRefused) as refused:
        read_outages(path)
    return refused.value.message


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the example, to break."""
    return Path(shutil.copytree(CLOUD_YEAR, tmp_path / "year"))


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_the_shipped_year_is_read_whole() -> None:
    example = read_example(CLOUD_YEAR)
    assert (len(example.outages), example.cadence.count, len(example.teams)) == (157, 26, 7)
    assert {component.team for component in example.components} == {team.id for team in example.teams}


def test_every_team_has_more_roadmap_than_its_two_thirds_of_the_year_hold() -> None:
    example = read_example(CLOUD_YEAR)
    for team in example.teams:
        capacity = sum(member.weekly_hours * member.focus_factor for member in team.members) * 2 * example.cadence.count
        items = [item for item in example.items if item.team == team.id]
        assert len(items) >= 8
        assert sum(item.effort_hours for item in items) > capacity * 2 / 3, team.id


def test_a_shorter_replay_keeps_only_what_begins_within_it() -> None:
    example = read_example(CLOUD_YEAR, 2)
    assert len(example.outages) == 10
    assert all(outage.begin < example.cadence.end(2) for outage in example.outages)


def test_a_row_is_read_with_its_line(tmp_path: Path) -> None:
    (outage,) = read_outages(write(tmp_path, ROW))
    assert (outage.number, outage.line, outage.impact, outage.products) == ("77", 2, Impact.OUTAGE, ("Cloud Firestore", "Apigee"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("2021-07-07T23:40:00+00:00", "2021-07-07T20:00:00+00:00", "incidents.csv:3: end: 2021-07-07T20:00:00+00:00 lies before begin"),
        ("2021-07-07T21:25:00+00:00", "yesterday", "incidents.csv:3: begin: 'yesterday' is not a time; write RFC 3339"),
        ("2021-07-07T21:25:00+00:00", "2021-07-07T21:25:00", "incidents.csv:3: begin: '2021-07-07T21:25:00' has no offset"),
        ("high", "awful", "incidents.csv:3: severity: 'awful' is not a severity; write low, medium or high"),
        ("SERVICE_OUTAGE", "SERVICE_GONE", "incidents.csv:3: status_impact: 'SERVICE_GONE' is not an impact; write"),
        (",5,0,", ",-5,0,", "incidents.csv:3: updates: '-5' is not a count; write a whole number from 0 up"),
        ("Apigee", "", "incidents.csv:3: products: 'Cloud Firestore;' names no product, or an empty one; write"),
        ("Apigee", "Cloud Firestore", "incidents.csv:3: products: 'Cloud Firestore;Cloud Firestore' names a product twice"),
        (",5,0,", ",5,", "incidents.csv:3: row: has 8 fields, not 9"),
        ("77,", "x7,", "incidents.csv:3: number: 'x7' is not a number"),
    ],
)
def test_a_row_that_breaks_a_rule_is_refused_with_line_field_rule_and_remedy(tmp_path: Path, old: str, new: str, said: str) -> None:
    good = ROW.replace("77,", "76,", 1)
    assert refusal(write(tmp_path, good, ROW.replace(old, new, 1))).startswith(said)


def test_every_broken_row_is_named_at_once(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, ROW.replace("high", "x"), ROW, ROW.replace("SERVICE_OUTAGE", "y")))
    assert [line.split(": ")[0] for line in message.splitlines()] == ["incidents.csv:2", "incidents.csv:4"]


def test_a_number_that_stands_twice_is_refused_with_both_lines(tmp_path: Path) -> None:
    assert "incidents.csv:3: number: 77 stands in line 2 already" in refusal(write(tmp_path, ROW, ROW))


def test_another_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "incidents.csv"
    path.write_text("number,begin\n")
    assert refusal(path).startswith("incidents.csv:1: header: must be number,begin,end")


def test_a_quote_that_does_not_end_is_refused_with_its_line(tmp_path: Path) -> None:
    assert refusal(write(tmp_path, ROW, ROW.replace("high", '"high'))).startswith("incidents.csv:3: is no CSV row")


def test_a_file_without_rows_or_no_file_is_refused(tmp_path: Path) -> None:
    assert "holds no row" in refusal(write(tmp_path))
    assert "cannot be read" in refusal(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("teams.yaml", "weekly_hours: 40", "weekly_hours: -4", "teams.yaml:10: teams[0].members[0].weekly_hours: input should be greater"),
        ("teams.yaml", "sprint_weeks: 2\n", "", "sprint_weeks: is missing; add it"),
        ("teams.yaml", "focus_factor", "focus_facto", "teams.yaml:10: teams[0].members[0].focus_facto: is not a known key; remove it"),
        ("teams.yaml", "teams:", "teams: [", "is no YAML"),
        ("components.yaml", "team: foundation", "team: nobody", "components.yaml:4: components[0].team: nobody is not in teams.yaml; add"),
        ("components.yaml", "dependencies: []", "dependencies: [iam]", "leads back to itself: infrastructure → iam → infrastructure; take"),
        ("components.yaml", "[infrastructure]", "[infra]", "components.yaml:5: components[1].dependencies[0]: infra is not in this file"),
        ("components.yaml", '"Apigee"', '"Apigeee"', "products: 'Apigee' is in no component; add it to components.yaml"),
        ("roadmap.yaml", "[net-ipv6-subnets]", "[iam-deny]", "items[1].dependencies[0]: iam-deny belongs to team foundation, not network"),
        ("roadmap.yaml", "{id: net-psc", "{id: net-ipv6-subnets", "roadmap.yaml:6: items[1].id: net-ipv6-subnets stands twice"),
        ("policy.yaml", "cap_share: 0.6", "cap_share: 60", "policy.yaml:8: allocation.cap_share: input should be less than or equal to 1"),
    ],
)
def test_yaml_that_breaks_a_rule_is_refused_with_line_field_and_rule(folder: Path, file: str, old: str, new: str, said: str) -> None:
    change(folder / file, old, new)
    with pytest.raises(FileRefused) as refused:
        read_example(folder)
    assert said in refused.value.message
    assert refused.value.violations[0].field.startswith(("incidents.csv:", f"{file}:"))
