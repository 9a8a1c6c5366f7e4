"""Money: an exact amount in one currency."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

_NANO = Decimal("0.000000001")


class CurrencyMismatch(ValueError):
    """Two currencies met in one sum."""


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount, exact to nine decimals, in a currency by its ISO 4217 code."""

    amount: Decimal
    currency: str = "USD"

    def __post_init__(self) -> None:
        object.__setattr__(self, "amount", Decimal(self.amount).quantize(_NANO, ROUND_HALF_EVEN))

    def __add__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} do not add up")
        return Money(self.amount + other.amount, self.currency)

    def times(self, factor: Decimal | float) -> "Money":
        """Returns the amount multiplied; a float counts as its shortest decimal form, the same on every machine."""
        return Money(self.amount * Decimal(str(factor)), self.currency)

    @property
    def units_and_nanos(self) -> tuple[int, int]:
        """The amount as google.type.Money wants it: whole units, and billionths of the same sign."""
        units = int(self.amount)
        return units, int((self.amount - units) / _NANO)

    @classmethod
    def from_units_and_nanos(cls, units: int, nanos: int, currency: str) -> "Money":
        return cls(Decimal(units) + Decimal(nanos) * _NANO, currency)

    def __str__(self) -> str:
        return f"{self.amount:,.2f} {self.currency}"
