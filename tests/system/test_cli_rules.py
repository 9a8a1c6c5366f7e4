"""`ballast rules` against a running suite: checking, trying, setting, going back, and what does nothing."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Ran, ballast
from tests.support.grouping import document
from tests.support.suite import SuiteProcess


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SuiteProcess]:
    started = SuiteProcess(tmp_path_factory.mktemp("rules") / "state").start()
    yield started
    started.stop()


@pytest.fixture
def rules(suite: SuiteProcess, tmp_path: Path) -> "Rules":
    return Rules(suite, tmp_path / "rules.yaml")


class Rules:
    """The command, and a file to give it."""

    def __init__(self, suite: SuiteProcess, file: Path) -> None:
        self.suite = suite
        self.file = str(file)

    def write(self, *written: str) -> str:
        Path(self.file).write_text(document(*written))
        return self.file

    def run(self, *arguments: str, stdin: str = "", group: str = "rules") -> Ran:
        return ballast(group, *arguments, "--state", str(self.suite.state_dir), stdin=stdin)

    def json(self, *arguments: str) -> Any:
        ran = self.run(*arguments, "--json")
        assert ran.code == 0, ran.err
        return ran.data


def test_a_document_without_problems_is_said_to_be_fit(rules: Rules) -> None:
    ran = rules.run("check", rules.write("name: pay, match: ['team=\"payments\"']"))
    assert (ran.code, ran.out.strip()) == (0, "can be put in force")


def test_problems_are_shown_by_line_and_end_with_one(rules: Rules) -> None:
    ran = rules.run("check", rules.write("name: pay, mach: []", "name: b, when: label.env == 'x'"))
    assert ran.code == 1
    assert "did you mean match?" in ran.out
    assert "did you mean labels?" in ran.out
    assert "cannot be put in force: 2 problems" in ran.out
    told = rules.run("check", "-", "--json", stdin="rules: &a []")
    assert (told.code, told.data["valid"], told.data["problems"][0]["line"]) == (1, False, 1)


def test_a_shadowed_rule_is_warned_of_and_fit(rules: Rules) -> None:
    ran = rules.run("check", rules.write("name: all", "name: late"))
    assert ran.code == 0
    assert "warning: can match nothing: rule all on line 2" in ran.out
    assert "can be put in force; 1 warning" in ran.out


def test_a_document_is_set_shown_and_gone_back_from(rules: Rules) -> None:
    before = rules.json("show")["rules"]
    rule = "name: pay, match: ['team=\"payments\"'], threshold: {count: 3, within: 10m}, dependencies: true, quiet_period: 1h"
    made = rules.json("set", rules.write(rule), "--reason", "payments page alone")["rules"]
    assert int(made["revision"]) == int(before["revision"]) + 1
    shown = rules.run("show").out
    for part in ("payments page alone", 'team="payments"', "from 3 within 10 min; dependencies", "1 h", "default", "everything"):
        assert part in shown
    assert rules.run("show", "--yaml").out == document(rule)
    listed = rules.run("revisions").out
    assert "payments page alone" in listed
    back = rules.run("rollback", before["revision"], "--reason", "too quiet")
    assert back.code == 0, back.err
    assert f"the document of revision {before['revision']}" in back.out
    assert rules.json("show")["rules"]["yaml"] == before["yaml"]
    assert f"restores {before['revision']}: too quiet" in rules.run("revisions").out


def test_a_document_amiss_is_not_set_and_every_problem_is_told(rules: Rules) -> None:
    ran = rules.run("set", rules.write("name: a, zzz: 1", "name: a"), "--reason", "r")
    assert ran.code == 2
    assert "yaml.rules[0].zzz: line 2" in ran.err
    assert "yaml.rules[1].name: line 3" in ran.err


def test_setting_rules_that_changed_meanwhile_ends_with_six(rules: Rules) -> None:
    assert rules.run("set", rules.write("name: a"), "--reason", "r", "--etag", "v0").code == 6


def test_a_revision_that_never_was_ends_with_three(rules: Rules) -> None:
    assert rules.run("show", "--revision", "999").code == 3
    assert rules.run("rollback", "999", "--reason", "r").code == 3


def test_the_difference_of_other_rules_is_shown(rules: Rules) -> None:
    alerts = [{"labels": {"component": f"try-{name}", "region": "eu"}} for name in ("a", "b", "c")]
    assert rules.run("send", "-", stdin="\n".join(json.dumps(each) for each in alerts), group="alerts").code == 0
    ran = rules.run("try", rules.write("name: region, match: ['region=\"eu\"'], group_by: [region]"), "--last", "3")
    assert ran.code == 0, ran.err
    assert "3 alerts: 3 incidents by the rules in force, 1 incident by these" in ran.out
    assert "merged" in ran.out
    assert "default {component=try-" in ran.out
    assert "region {region=eu} ×3" in ran.out
    assert "1 merged; 0 incidents unchanged" in ran.out
    held = rules.run("try", rules.write("name: few, threshold: {count: 9, within: 1m}"), "--last", "3")
    assert "0 incidents and 3 held by these" in held.out
    assert "few {component=try-a} ×1, held" in held.out


def test_trying_wants_a_file_or_a_revision(rules: Rules) -> None:
    assert rules.run("try").code == 2
    assert rules.run("try", rules.write("name: a"), "--revision", "1").code == 2
    assert rules.run("try", "--revision", "1").code == 0


def test_rules_without_effect_are_listed_with_why(rules: Rules) -> None:
    rules.json("set", rules.write("name: all", "name: hidden"), "--reason", "r")
    assert "shadowed: all takes every alert it would" in rules.run("unused").out
    ran = rules.run("unused", "--for", "0s")
    assert "took no alert yet" in ran.out
    assert "2 rules without effect" in ran.out
    rules.json("set", rules.write("name: all"), "--reason", "r")
    for span, named in ((), "7 d"), (("--for", "36h"), "1 d 12 h"):
        told = rules.run("unused", *span).out
        assert f"no rule older than {named} matched nothing for so long, and none is shadowed" in told


def test_what_cannot_be_read_is_refused_by_reason(rules: Rules, tmp_path: Path) -> None:
    missing = rules.run("check", str(tmp_path / "missing.yaml"))
    assert missing.code == 2
    assert "FILE_UNREADABLE" in missing.err
    Path(rules.file).write_bytes(b"\xff\xfe")
    assert "RULES_FILE_INVALID" in rules.run("check", rules.file).err
    Path(rules.file).write_bytes(b"#" * 65_537)
    assert "RULES_FILE_INVALID" in rules.run("check", rules.file).err
    assert "SPAN_INVALID" in rules.run("unused", "--for", "a week").err
