"""Shares and hours, exact: shares as whole millionths, person-hours as decimals to a millionth of an hour."""

import math
from decimal import ROUND_HALF_EVEN, Decimal

# Shares are integers so that the terms of a decision add up exactly, in any order and on any machine.
WHOLE = 1_000_000

_MICRO = Decimal("0.000001")


def share_from_float(value: float) -> int:
    """Returns the nearest share in millionths. Raises ValueError for what is not a finite number."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a share")
    return round(value * WHOLE)


def share_to_float(share: int) -> float:
    return share / WHOLE


def percent(share: int) -> str:
    """Returns the share for people, to a tenth of a per cent: `33.3 %`."""
    return f"{share * 100 / WHOLE:.1f} %"


def hours(value: float | str | Decimal) -> Decimal:
    """Returns person-hours to a millionth; a float is taken at its shortest decimal form, so that 0.1 is a tenth."""
    return Decimal(str(value)).quantize(_MICRO, ROUND_HALF_EVEN)


def share_of(amount: Decimal, share: int) -> Decimal:
    """Returns that share of person-hours."""
    return hours(amount * share / WHOLE)


def figure(value: Decimal | float, digits: int = 2) -> str:
    """Returns a number for people: at most `digits` decimals, none that say nothing."""
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def counted(count: int, noun: str) -> str:
    """Returns the count with its noun: `1 incident`, `3 incidents`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
