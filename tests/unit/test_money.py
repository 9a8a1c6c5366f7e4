"""Money: exact sums in one currency."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.money import CurrencyMismatch, Money

AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, places=9)
DOLLARS = AMOUNTS.map(Money)


def test_ten_cents_ten_times_are_a_dollar() -> None:
    assert sum([Money(Decimal("0.1"))] * 10, Money(Decimal(0))) == Money(Decimal(1))


@given(DOLLARS, DOLLARS, DOLLARS)
def test_the_order_of_a_sum_does_not_matter(a: Money, b: Money, c: Money) -> None:
    assert (a + b) + c == a + (b + c) == (c + b) + a


def test_two_currencies_do_not_add_up() -> None:
    with pytest.raises(CurrencyMismatch, match="USD and EUR"):
        Money(Decimal(1), "USD") + Money(Decimal(1), "EUR")


@given(AMOUNTS, st.sampled_from(["USD", "EUR", "JPY"]))
def test_units_and_nanos_give_the_amount_back(amount: Decimal, currency: str) -> None:
    money = Money(amount, currency)
    assert Money.from_units_and_nanos(*money.units_and_nanos, currency) == money


@given(AMOUNTS)
def test_units_and_nanos_have_one_sign_and_stay_in_their_range(amount: Decimal) -> None:
    units, nanos = Money(amount).units_and_nanos
    assert abs(nanos) < 10**9
    assert units * nanos >= 0


def test_the_largest_amount_on_the_wire_is_exact() -> None:
    money = Money.from_units_and_nanos(2**63 - 1, 999_999_999, "USD")
    assert money.units_and_nanos == (2**63 - 1, 999_999_999)


@pytest.mark.parametrize(
    ("amount", "units_and_nanos"),
    [("1.75", (1, 750_000_000)), ("-1.75", (-1, -750_000_000)), ("-0.25", (0, -250_000_000)), ("0", (0, 0))],
)
def test_a_fraction_is_told_in_billionths(amount: str, units_and_nanos: tuple[int, int]) -> None:
    assert Money(Decimal(amount)).units_and_nanos == units_and_nanos


def test_a_float_counts_as_it_is_written() -> None:
    assert Money(Decimal(100)).times(0.1) == Money(Decimal(10))
    assert Money(Decimal(10**12)).times(1.1) == Money(Decimal(11 * 10**11))


def test_what_is_finer_than_a_billionth_is_rounded_to_even() -> None:
    assert Money(Decimal("0.0000000005")).amount == Decimal("0E-9")
    assert Money(Decimal("0.0000000015")).amount == Decimal("2E-9")


def test_it_reads_as_people_write_it() -> None:
    assert str(Money(Decimal("1234567.5"), "EUR")) == "1,234,567.50 EUR"
