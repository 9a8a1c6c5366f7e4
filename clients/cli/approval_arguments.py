"""What `ballast approvals` is told: the digest of a change, and what would come of it."""

import hashlib
import re
import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

from ballast.governance.v1 import approval_pb2

from shared.errors import InvalidInput, invalid_field
from shared.money import Money
from shared.rpc.wellknown import money_to_pb

_DIGEST = re.compile(r"[0-9a-f]{64}")
_MONEY = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([A-Z]{3})")
_MEASURE = re.compile(r"measures\.([a-z][a-z0-9_]{0,62})")
_FIELDS = "summary, fact, displaced_items, delay_days, value_at_risk, severity, remediation_share_change, measures.NAME"


def digest_from(digest: str, file: str) -> str:
    """Returns the SHA-256 given, or that of a file. Raises InvalidInput for neither or both. Blocks."""
    if bool(digest) == bool(file):
        raise _refused("--digest", "give either --digest or --file")
    if file:
        return hashlib.sha256(_content(file)).hexdigest()
    if not _DIGEST.fullmatch(digest.strip().lower()):
        raise _refused("--digest", f"{digest!r} is no SHA-256; give 64 hex digits, or the file itself with --file")
    return digest.strip().lower()


def impact_from(pairs: Sequence[str]) -> approval_pb2.ImpactPreview | None:
    """Reads `FIELD=VALUE` pairs; None for none, which says that nobody looked ahead. Raises InvalidInput naming the field."""
    if not pairs:
        return None
    impact = approval_pb2.ImpactPreview()
    for pair in pairs:
        field, equals, value = pair.partition("=")
        if not equals:
            raise _refused("--impact", f"{pair!r} is no FIELD=VALUE; fields are {_FIELDS}")
        _set(impact, field.strip(), value.strip())
    return impact


def _set(impact: approval_pb2.ImpactPreview, field: str, value: str) -> None:
    measure = _MEASURE.fullmatch(field)
    if measure:
        impact.measures[measure[1]] = _number(field, value)
    elif field == "summary":
        impact.summary = value
    elif field == "fact":
        impact.facts.append(value)
    elif field in {"displaced_items", "severity"}:
        setattr(impact, field, _whole(field, value.upper().removeprefix("SEV") if field == "severity" else value))
    elif field in {"delay_days", "remediation_share_change"}:
        setattr(impact, field, _number(field, value))
    elif field == "value_at_risk":
        impact.value_at_risk.CopyFrom(money_to_pb(_money(value)))
    else:
        raise _refused("--impact", f"{field!r} is no field; fields are {_FIELDS}")


def _money(value: str) -> Money:
    found = _MONEY.fullmatch(value)
    if found is None:
        raise _refused("--impact", f"value_at_risk is {value!r}; write an amount and a currency, as 50000 EUR")
    return Money(Decimal(found[1]), found[2])


def _whole(field: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 9):
        raise _refused("--impact", f"{field} is {value!r}; give a whole number")
    return int(value)


def _number(field: str, value: str) -> float:
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise _refused("--impact", f"{field} is {value!r}; give a number")
    return float(number)


def _content(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise _refused("--file", f"{file} cannot be read ({error.strerror}); give the path of a file, or - for stdin") from None


def _refused(option: str, description: str) -> InvalidInput:
    return invalid_field(option, description, reason="ARGUMENT_INVALID")
