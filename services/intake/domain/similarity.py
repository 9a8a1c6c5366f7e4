"""Similarity of texts: which of several open incidents tells of the same thing in nearly the same words."""

from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

MOST_CANDIDATES = 64
LONGEST_TEXT = 512  # characters compared; the cost grows with the product of the lengths


@dataclass(frozen=True, slots=True)
class Similarity:
    """Alerts join an open incident of their rule whose alert's annotation `of` is alike; `at_least` lies in (0, 1]."""

    of: str
    at_least: float


@dataclass(frozen=True, slots=True)
class Likeness:
    """The candidate most alike: its place among those given, and the share of words they have in common, from 0 to 1."""

    index: int
    score: float


def similar(text: str, candidates: Sequence[str], at_least: float) -> Likeness | None:
    """Returns the candidate most like `text`, the first of equals; None where none is alike enough, or the text is empty.

    The measure is rapidfuzz's token_set_ratio: order and repetition of words are no matter. Only the first 64 candidates and
    512 characters of each text are looked at, so that one alert costs at most some 100 µs.
    """
    if not text.strip():
        return None
    found = process.extractOne(
        text[:LONGEST_TEXT].lower(),
        [each[:LONGEST_TEXT].lower() for each in candidates[:MOST_CANDIDATES]],
        scorer=fuzz.token_set_ratio,
        score_cutoff=at_least * 100,
    )
    return None if found is None else Likeness(found[2], found[1] / 100)
