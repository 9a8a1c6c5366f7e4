"""Placing alerts: the first rule that takes one, and keys that stay the same."""

from hypothesis import given, settings
from hypothesis import strategies as st

from services.intake.domain.grouping import Grouping, group_of
from services.intake.domain.grouping_document import rule_set
from services.intake.domain.grouping_rule import GroupingRule
from tests.support.grouping import FINGERPRINT, document, placed, ruling

compiling = settings(deadline=None)  # how long a condition takes to compile says nothing of the rules

texts = st.sampled_from(["", "a", "b", "1", "prod"]) | st.text(max_size=6)
label_sets = st.dictionaries(st.sampled_from(["component", "region", "team", "env", "x"]), texts, max_size=5)
MIXED = document(
    "name: one, match: ['team=\"a\"'], group_by: [component, region]",
    "name: two, match: ['team=\"b\"', 'env!=\"\"']",
    "name: three, match: ['env=~\"p.*\"'], group_by: []",
    "name: four, when: 'labels.x == \"1\"'",
)


def test_the_first_rule_that_matches_wins() -> None:
    rules = ruling("name: narrow, match: ['team=\"a\"', 'env=\"prod\"']", "name: wide, match: ['team=\"a\"']")
    assert placed(rules, team="a", env="prod").rule.name == "narrow"
    assert placed(rules, team="a", env="dev").rule.name == "wide"
    assert placed(rules, team="b").rule.name == "default"


def test_every_matcher_and_the_condition_must_hold() -> None:
    rules = ruling("name: a, match: ['team=\"a\"', 'severity=~\"critical|page\"', 'env!=\"dev\"'], when: 'source == \"prometheus\"'")
    assert placed(rules, team="a", severity="page").rule.name == "a"
    assert placed(rules, team="a", severity="pages").rule.name == "default"
    assert placed(rules, team="a", severity="page", env="dev").rule.name == "default"
    assert placed(rules, source="other", team="a", severity="page").rule.name == "default"


def test_a_label_asked_two_values_of_matches_nothing() -> None:
    rules = ruling("name: a, match: ['team=\"a\"', 'team=\"b\"']")
    assert placed(rules, team="a").rule.name == "default"
    assert placed(rules, team="b").rule.name == "default"


def test_an_empty_value_fits_an_absent_label() -> None:
    rules = ruling("name: a, match: ['team=\"\"']")
    assert placed(rules).rule.name == "a"
    assert placed(rules, team="x").rule.name == "default"


def test_a_rule_without_conditions_takes_all() -> None:
    assert placed(ruling("name: rest"), anything="x").rule.name == "rest"


def test_the_built_in_rule_keeps_the_keys_incidents_have() -> None:
    rules = rule_set("rules: []", 1, ("component", "region"))
    for labels in ({"component": "web", "region": "eu"}, {"component": "web"}, {"region": ""}, {}):
        group = group_of(labels, FINGERPRINT, Grouping(("component", "region")))
        found = rules.place(labels, {}, "prometheus", FINGERPRINT)
        assert (found.key, found.labels) == (group.key, group.labels)


def test_the_key_of_a_rule_holds_its_name_and_its_labels_values() -> None:
    found = placed(ruling("name: pay, group_by: [component, region]"), component="web", region="eu", other="x")
    assert found.key == 'pay:[["component","web"],["region","eu"]]'
    assert found.labels == (("component", "web"), ("region", "eu"))


def test_an_alert_with_none_of_the_labels_is_a_group_of_its_own() -> None:
    found = placed(ruling("name: pay, group_by: [component]"), other="x", component="")
    assert (found.key, found.labels) == (f"pay:alert:{FINGERPRINT}", ())


def test_a_rule_that_groups_by_nothing_has_one_group() -> None:
    rules = ruling("name: one, group_by: []")
    assert placed(rules, a="1").key == placed(rules, b="2").key == "one:[]"


def test_a_condition_that_fails_does_not_hold_and_is_counted() -> None:
    rules = ruling("name: a, when: 'labels.env == \"prod\"'")
    assert placed(rules, component="web").rule.name == "default"
    taken = rules.counts.take()
    assert [(each.index, each.matched, each.failed) for each in taken] == [(0, 0, 1)]
    assert 'Key not found in map : "env"' in taken[0].failure
    assert rules.counts.take() == ()


def test_counts_that_could_not_be_written_are_counted_again() -> None:
    rules = ruling("name: a")
    rules.counts.note(0, 2)
    taken = rules.counts.take()
    rules.counts.note(0)
    rules.counts.give_back(taken)
    assert [each.matched for each in rules.counts.take()] == [3]


def test_what_conditions_read_is_known() -> None:
    plain = ruling("name: a, when: 'labels.x == \"annotations\"'")
    assert (plain.reads_annotations, plain.reads_source) == (False, False)
    reading = ruling("name: a, when: 'annotations.x == source'")
    assert (reading.reads_annotations, reading.reads_source) == (True, True)


def test_groups_remembered_are_bounded() -> None:
    rule = GroupingRule("a", 0, ("component",))
    for number in range(40_000):
        rule.place({"component": str(number)}, FINGERPRINT)
    assert len(rule._remembered) <= 16_384


@compiling
@given(label_sets, label_sets)
def test_the_same_labels_give_the_same_key_whatever_came_before(labels: dict[str, str], other: dict[str, str]) -> None:
    warm, fresh = rule_set(MIXED, 1, ("component",)), rule_set(MIXED, 2, ("component",))
    warm.place(other, {}, "s", FINGERPRINT)
    warm.place(labels, {}, "s", FINGERPRINT)
    again, first = warm.place(dict(reversed(labels.items())), {}, "s", FINGERPRINT), fresh.place(labels, {}, "s", FINGERPRINT)
    assert (again.rule.name, again.key, again.labels) == (first.rule.name, first.key, first.labels)


@compiling
@given(label_sets)
def test_the_index_finds_the_rule_that_trying_them_all_finds(labels: dict[str, str]) -> None:
    rules = rule_set(MIXED, 1, ("component",))
    tried = next(
        rule
        for rule in rules.rules
        if all(each.accepts(labels.get(each.label, "")) for each in rule.matchers) and (rule.condition is None or labels.get("x") == "1")
    )
    assert rules.place(labels, {}, "s", FINGERPRINT).rule is tried


@compiling
@given(st.lists(label_sets, min_size=2, max_size=6))
def test_different_groups_never_share_a_key(several: list[dict[str, str]]) -> None:
    rules = rule_set(MIXED, 1, ("component",))
    seen: dict[str, tuple[str, object]] = {}
    for number, labels in enumerate(several):
        found = rules.place(labels, {}, "s", f"{number:032x}")
        own = found.labels or (number if found.rule.group_by else None)
        assert seen.setdefault(found.key, (found.rule.name, own)) == (found.rule.name, own)
