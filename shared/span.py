"""Lengths of time as people write them."""

from datetime import timedelta

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def span_text(span: timedelta) -> str:
    """Returns the two largest units, such as `3 h 12 min`; below a minute, seconds to the millisecond."""
    seconds = abs(span.total_seconds())
    sign = "-" if span < timedelta(0) else ""
    if seconds < 60:
        return f"{sign}{seconds:.3f}".rstrip("0").rstrip(".") + " s"
    rest, parts = round(seconds), list[str]()
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
    return sign + " ".join(part for part in parts[:2] if part)
