"""Components: what a batch may not hold, whatever the catalogue knows."""

import pytest

from services.triage.domain.component import Component, check_components
from shared.errors import InvalidInput
from tests.support.triage import component, money_of


def test_negative_revenue_is_refused_naming_the_field() -> None:
    batch = [Component("components/a"), Component("components/b", revenue_per_minute=money_of("-1 USD"))]
    with pytest.raises(InvalidInput) as refused:
        check_components(batch)
    assert [violation.field for violation in refused.value.violations] == ["components[1].revenue_per_minute"]


def test_a_currency_that_is_no_code_is_refused() -> None:
    with pytest.raises(InvalidInput, match="ISO 4217"):
        check_components([Component("components/a", revenue_per_minute=money_of("1 dollars"))])


def test_a_component_sent_twice_in_a_batch_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"components\[1\].name: components/a stands twice"):
        check_components([Component("components/a"), Component("components/a", owner_team="teams/x")])


def test_every_fault_of_a_batch_is_named_at_once() -> None:
    batch = [Component("components/a", revenue_per_minute=money_of("-1 eur")), Component("components/a")]
    with pytest.raises(InvalidInput) as refused:
        check_components(batch)
    assert len(refused.value.violations) == 3


def test_a_component_with_nothing_but_a_name_is_accepted() -> None:
    check_components([Component("components/a"), Component("components/b", revenue_per_minute=money_of("0 USD"))])


def test_a_revenue_that_no_organisation_has_is_refused_before_it_is_counted_with() -> None:
    with pytest.raises(InvalidInput, match="at most 1,000,000,000,000 a minute") as refused:
        check_components([component("web", revenue="9223372036854775807.999999999 USD")])
    assert [each.field for each in refused.value.violations] == ["components[0].revenue_per_minute"]
    check_components([component("web", revenue="1000000000000 USD")])
