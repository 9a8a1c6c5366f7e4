"""Measures as an edge keeps them, in decimal text, and read back."""

from datetime import timedelta
from decimal import Decimal, InvalidOperation

_DAY = Decimal(86_400_000_000)  # microseconds
_MOST_DAYS = Decimal(36_500)


def days_text(duration: timedelta) -> str:
    """Returns days to six decimals, less than a tenth of a second."""
    days = Decimal(duration // timedelta(microseconds=1)) / _DAY
    return decimal_text(days.quantize(Decimal("0.000001")))


def decimal_text(value: Decimal) -> str:
    """Returns the shortest exact decimal, without an exponent, so that equal values read the same."""
    return f"{value.normalize():f}"


def share_text(share: float) -> str:
    """Returns a share in hundredths, as people read it."""
    return f"{share:.1%}"


def decimal_of(text: str) -> Decimal | None:
    """Returns the number; None where there is none."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def days_of(text: str) -> timedelta:
    """Returns the duration, at most a century either way; none where the text is no number."""
    days = decimal_of(text) or Decimal(0)
    return timedelta(microseconds=int(max(-_MOST_DAYS, min(_MOST_DAYS, days)) * _DAY))
