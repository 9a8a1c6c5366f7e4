"""Documents of Backstage: what is read of them, what is kept out, and what is refused with its line."""

from datetime import date, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.triage.domain.catalogue_import import Gathered
from services.triage.domain.component import Component, Tier
from services.triage.domain.entity import ComponentDraft, Group, System
from services.triage.domain.entity_document import read_document
from shared.business_hours import BusinessHours
from shared.money import Money
from shared.yaml_documents import documents_of
from tests.support.catalogue import component, entity, read

WHOLE = """\
# of the shop
apiVersion: backstage.io/v1beta1
kind: Component
metadata:
  name: Checkout
  namespace: Retail
  title: "Checkout: pay"
  description: |
    Takes the money.
    --- and gives it on.
  labels: {example.com/part: shop, empty: }
  annotations:
    ballast.dev/tier: Critical
    ballast.dev/revenue-per-minute: 1200.50 USD
    ballast.dev/users: "50000"
    ballast.dev/business-hours: Mon-Fri 08:00-20:00 Europe/Berlin
    ballast.dev/holidays: 2026-12-25
    service.criticality: low
  tags: [java]
spec:
  type: service
  lifecycle: production
  owner: group:default/Shop
  system: retail/Storefront
  dependsOn:
    - component:default/Cart
    - Payment
    - resource:artists-db
    - {kind: Component, name: ledger}
"""


def draft(text: str) -> ComponentDraft:
    found = read(text).entity
    assert isinstance(found, ComponentDraft), read(text).refusals
    return found


def refused(text: str) -> list[tuple[str, int, str]]:
    reading = read(text)
    assert reading.entity is None
    return [(each.field, each.line, each.text) for each in reading.refusals]


def test_everything_a_component_says_is_read() -> None:
    found = draft(WHOLE)
    assert found.said == {"tier", "revenue_per_minute", "users", "business_hours"}
    assert found.component == Component(
        "components/checkout",
        "Checkout: pay",
        "teams/shop",
        Tier.CRITICAL,
        Money(Decimal("1200.5")),
        ("components/cart", "components/ledger", "components/payment"),
        50_000,
        "systems/storefront",
        "production",
        "retail",
        (("empty", ""), ("example.com/part", "shop")),
        ("resource:retail/artists-db",),
        BusinessHours("Europe/Berlin", (0, 1, 2, 3, 4), time(8), time(20), (date(2026, 12, 25),)),
    )


def test_systems_and_groups_are_read() -> None:
    system = read(entity("System", "storefront", metadata="title: The shop", spec="owner: retail\ndomain: sales")).entity
    assert system == System("systems/storefront", "The shop", "teams/retail", "domains/sales")
    group = read(entity("Group", "Shop", spec="type: team\nprofile: {displayName: Shop people}\nparent: group:retail\nchildren: []")).entity
    assert group == Group("teams/shop", "Shop people", "team", "teams/retail")
    assert read("apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: {name: bare}").entity == Group("teams/bare", "bare")


@pytest.mark.parametrize("kind", ["API", "Domain", "Location", "Resource", "Template", "User"])
def test_kinds_that_say_nothing_of_incidents_are_kept_out_and_said(kind: str) -> None:
    reading = read(f"apiVersion: backstage.io/v1beta2\nkind: {kind}\nmetadata:\n  name: x\nspec: [[[[[[[[[[1]]]]]]]]]]")
    assert (reading.entity, reading.refusals, reading.place.name) == (None, (), "x")
    assert kind in reading.kept_out


def test_other_peoples_kinds_are_kept_out_and_a_mistyped_one_is_refused() -> None:
    assert read("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}").kept_out
    assert refused("apiVersion: backstage.io/v1alpha1\nkind: Componet\nmetadata: {name: web}") == [
        ("kind", 2, "is 'Componet'; did you mean Component?")
    ]
    assert refused("apiVersion: backstage.io/v1alpha1\nkind: system") == [("kind", 2, "is 'system'; did you mean System?")]


@pytest.mark.parametrize(
    ("annotations", "field", "value"),
    [
        ({"service.criticality": "medium"}, "tier", Tier.MEDIUM),
        ({"service.criticality": "low", "ballast.dev/tier": "high"}, "tier", Tier.HIGH),
        ({"ballast.dev/tier": "unknown"}, "tier", None),
        ({"ballast.dev/tier": ""}, "tier", None),
        ({"ballast.dev/users": "0"}, "users", 0),
        ({"ballast.dev/revenue-per-minute": "'0.000000001 JPY'"}, "revenue_per_minute", Money(Decimal("0.000000001"), "JPY")),
    ],
)
def test_what_a_document_says_of_a_component_takes_the_place_of_what_is_held(
    annotations: dict[str, str], field: str, value: object
) -> None:
    held = Component("components/a", tier=Tier.LOW, users=9, revenue_per_minute=Money(Decimal(1)))
    assert getattr(draft(component("a", annotations=annotations)).over(held), field) == value


def test_what_a_document_does_not_say_stays_as_it_is_held() -> None:
    held = Component("components/a", "Old", "teams/old", Tier.LOW, Money(Decimal(1)), ("components/b",), 9, lifecycle="old")
    after = draft(component("a")).over(held)
    assert (after.tier, after.users, after.revenue_per_minute) == (Tier.LOW, 9, Money(Decimal(1)))
    assert (after.display_name, after.owner_team, after.dependencies, after.lifecycle) == ("a", "teams/shop", (), "production")


def test_a_criticality_of_the_organisations_own_is_noted_and_leaves_the_tier() -> None:
    reading = read(component("a", annotations={"service.criticality": "mission"}))
    assert isinstance(reading.entity, ComponentDraft)
    assert reading.entity.said == frozenset()
    assert [(each.field, each.line) for each in reading.notes] == [("metadata.annotations[service.criticality]", 7)]


def test_what_is_said_the_other_way_round_is_noted() -> None:
    reading = read(component("a", spec="dependencyOf: [component:b]"))
    assert reading.entity is not None
    assert [each.field for each in reading.notes] == ["spec.dependencyOf"]


@pytest.mark.parametrize("owner", ["[shop]", "{kind: group, name: [shop]}", "x" * 5000])
def test_an_owner_that_is_no_text_is_told_once(owner: str) -> None:
    text = f"apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {{name: a}}\nspec:\n  owner: {owner}"
    assert len(read(text).refusals) == 1


HEAD = "apiVersion: backstage.io/v1alpha1\nkind: Component\n"


@pytest.mark.parametrize(
    ("text", "field", "line", "why"),
    [
        (HEAD + "metadata: {name: a}\nspec:\n  type: service", "spec.owner", 5, "is missing; name the group"),
        (HEAD + "metadata: {name: a}", "spec.owner", 1, "is missing"),
        (HEAD + "metadata: {name: a}\nspec: {owner: }", "spec.owner", 1, "is missing"),
        (HEAD + "metadata: {name: a}\nspec:\n  owner: user:jane", "spec.owner", 5, "only a group has a sprint"),
        (HEAD + "metadata: {name: a}\nspec:\n  owner: a b", "spec.owner", 5, "no reference"),
        (HEAD + "metadata: {name: a}\nspec:\n  owner: group:default/a/b", "spec.owner", 5, "no reference"),
        (HEAD + "metadata: {name: a}\nspec:\n  owner: {kind: Group}", "spec.owner", 5, "no reference"),
        (HEAD + "metadata: {name: a}\nspec:\n  owner: [x]", "spec.owner", 5, "must be a text"),
        (HEAD + "metadata: {name: a}\nspec: {owner: b, type: [service]}", "spec.type", 4, "must be a text"),
        (HEAD + "metadata: {name: a}\nspec: {owner: dev.infra}", "spec.owner", 4, "rename the entity"),
        (HEAD + "metadata: {name: a}\nspec: x", "spec", 4, "must be a mapping"),
        (HEAD + "metadata:\n  title: x\nspec: {owner: b}", "metadata.name", 1, "is missing"),
        (HEAD + "metadata:\n  name: a_b\nspec: {owner: b}", "metadata.name", 4, "lower-case letters, digits and inner dashes"),
        (HEAD + f"metadata:\n  name: {'a' * 64}\nspec: {{owner: b}}", "metadata.name", 4, "at most 63"),
        (HEAD + "metadata:\n  name: a\n  title: [x]\nspec: {owner: b}", "metadata.title", 5, "must be a text"),
        (HEAD + f"metadata: {{name: a, title: {'t' * 129}}}\nspec: {{owner: b}}", "metadata.title", 3, "longer than 128"),
        (HEAD + "metadata: {name: a, labels: [x]}\nspec: {owner: b}", "metadata.labels", 3, "must be a mapping"),
        (HEAD + "metadata: {name: a}\nspec: {owner: b, dependsOn: x}", "spec.dependsOn", 4, "must be a list"),
        (HEAD + "metadata: {name: a}\nspec:\n  owner: b\n  dependsOn:\n  - api:x", "spec.dependsOn[0]", 7, "components and resources"),
        (HEAD + "metadata: {name: a}\nspec:\n  owner: b\n  dependsOn:\n  - c\n  -", "spec.dependsOn[1]", 8, "is empty"),
        (HEAD + "metadata: {name: a}\nspec: {owner: b, system: group:x}", "spec.system", 4, "name a system"),
        ("kind: Component\nmetadata: {name: a}\nspec: {owner: b}", "apiVersion", 1, "backstage.io/v1alpha1"),
        (HEAD.replace("alpha1", "") + "metadata: {name: a}\nspec: {owner: b}", "apiVersion", 1, "is 'backstage.io/v1'"),
        ("metadata: {name: a}", "kind", 1, "is missing"),
        ("- a\n- b", "", 1, "must be a mapping"),
        ("text", "", 1, "must be a mapping"),
        (HEAD + "kind: System", "", 3, "has the key 'kind' twice, first on line 2"),
        ("a: [", "", 1, "is not YAML"),
        ("a: &x 1\nb: *x", "", 1, "anchor or alias"),
        ("a: !!python/object:os.system x", "", 1, "uses a tag"),
        ("[" * 41 + "]" * 41, "", 1, "nested deeper than 40"),
        ("a: " + "x" * 1024 * 1024, "", 1, "longer than 1024 KiB; keep such a definition in a file of its own"),
    ],
)
def test_a_bad_document_is_refused_with_field_and_line(text: str, field: str, line: int, why: str) -> None:
    told = refused(text)
    assert [(each[0], why in each[2]) for each in told][:1] == [(field, True)], told
    assert told[0][1] == line or line == 1  # where a field is missing its parent's line is told


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("tier", "urgent", "write critical, high, medium or low"),
        ("teir", "high", "did you mean ballast.dev/tier?"),
        ("colour", "red", "known are tier"),
        ("revenue-per-minute", "1,200 USD", "without separators"),
        ("revenue-per-minute", "-5 USD", "without separators"),
        ("revenue-per-minute", "12 usd", "ISO 4217"),
        ("users", "many", "a whole number"),
        ("users", "-1", "a whole number"),
        ("business-hours", "nine to five", "Mon-Fri 09:00-17:30 Europe/Berlin"),
        ("holidays", "2026-12-25", "stand without business hours"),
    ],
)
def test_an_annotation_of_ours_that_cannot_be_read_refuses_the_document(key: str, value: str, why: str) -> None:
    told = refused(component("a", annotations={f"ballast.dev/{key}": value}))
    assert [(field, line) for field, line, _ in told] == [(f"metadata.annotations[ballast.dev/{key}]", 7)]
    assert why in told[0][2]


def test_everything_amiss_in_a_document_is_told_at_once() -> None:
    text = component("a_b", "c_d", annotations={"ballast.dev/tier": "x"}, spec="system: domain:x")
    assert [field for field, _, _ in refused(text)] == [
        "metadata.name",
        "metadata.annotations[ballast.dev/tier]",
        "spec.dependsOn[0]",
        "spec.system",
    ]


def test_more_dependencies_or_labels_than_a_component_may_have_are_refused() -> None:
    assert "101 items; 100 are allowed" in refused(component("a", *(f"c{n}" for n in range(101))))[0][2]
    labels = "labels:" + "".join(f"\n  l{n}: x" for n in range(65))
    assert "are 65; 64 are allowed" in refused(component("a", metadata=labels))[0][2]


def gathered(*texts: str) -> Gathered:
    found = Gathered()
    found.add(read_document(each, "a.yaml") for text in texts for each in documents_of(text))
    return found


def test_an_entity_told_twice_in_an_import_is_refused_the_second_time() -> None:
    found = gathered(component("a") + component("A") + entity("System", "a"))
    assert list(found.components) == ["components/a"]
    assert list(found.systems) == ["systems/a"]
    assert [(each.place.number, each.refusals[0].text) for each in found.refused] == [
        (2, "is told twice in this import, first in document 1 of a.yaml on line 2")
    ]


def test_what_is_held_from_another_namespace_is_not_overwritten() -> None:
    found = gathered(component("a", metadata="namespace: one"), component("b"))
    found.refuse_clashes([Component("components/a"), Component("components/b")])
    assert list(found.components) == ["components/b"]
    assert "is held from namespace default, and this is of one" in found.refused[0].refusals[0].text


broken = st.sampled_from(
    ["a", "---\n", ":", " ", "\n", "- ", "[", "}", "'", '"', "|", "&a", "*a", "!", "%", "#", "\t", "\0", "\ud800", "\x85", "?", "null", "~"]
)


@given(st.text(max_size=60) | st.lists(broken, max_size=30).map("".join))
def test_no_text_whatever_breaks_an_import(text: str) -> None:
    for document in documents_of(text):
        reading = read_document(document, "f")
        assert reading.refusals or reading.kept_out or reading.entity is not None


@given(st.integers(0, len(WHOLE)), st.lists(broken, max_size=3).map("".join), st.integers(0, 20))
def test_no_damage_to_a_document_breaks_an_import_and_its_neighbours_land(at: int, damage: str, cut: int) -> None:
    text = f"{component('before')}---\n{WHOLE[:at]}{damage}{WHOLE[at + cut :]}\n---\n{component('after')}"
    found = gathered(text)
    assert {"components/before", "components/after"} <= found.components.keys()
    assert all(each.refusals for each in found.refused)
