"""Errors: kinds, reasons, and what they carry."""

import re
from datetime import timedelta

import pytest

from shared import errors
from shared.errors import BallastError, Exhausted, InvalidInput, Unavailable, Violation, invalid_field, says_nothing

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, BallastError) and kind is not BallastError]


class TooHeavy(InvalidInput):
    reason = "TOO_HEAVY"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_has_a_reason_a_machine_can_match(kind: type[BallastError]) -> None:
    assert re.fullmatch(r"[A-Z][A-Z0-9_]+[A-Z0-9]", kind.reason)
    assert kind("it happened").reason == kind.reason


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_carries_its_message_and_data(kind: type[BallastError]) -> None:
    error = kind("it happened", reason="THIS_HAPPENED", metadata={"name": "things/1"})
    assert (error.message, str(error), error.reason, error.metadata) == (
        "it happened",
        "it happened",
        "THIS_HAPPENED",
        {"name": "things/1"},
    )


def test_a_reason_of_one_error_is_not_a_reason_of_its_class() -> None:
    InvalidInput("it happened", reason="THIS_HAPPENED")
    assert InvalidInput.reason == "INVALID_INPUT"


def test_a_subclass_names_its_own_reason() -> None:
    assert TooHeavy("41 kg").reason == "TOO_HEAVY"


def test_metadata_of_one_error_is_not_shared_with_its_caller() -> None:
    metadata = {"name": "things/1"}
    error = BallastError("it happened", metadata=metadata)
    metadata["name"] = "things/2"
    assert error.metadata == {"name": "things/1"}


def test_being_away_is_a_way_of_being_exhausted_and_says_when_to_retry() -> None:
    assert isinstance(Unavailable("away"), Exhausted)
    assert Unavailable("away").retry_after == timedelta(seconds=1)
    assert Exhausted("busy", retry_after=timedelta(minutes=2)).retry_after == timedelta(minutes=2)


def test_one_bad_field_is_named_in_the_message_and_as_a_violation() -> None:
    error = invalid_field("weight", "is 41, at most 40 are carried; send two parcels", reason="TOO_HEAVY")
    assert error.message == "weight: is 41, at most 40 are carried; send two parcels"
    assert error.violations == (Violation("weight", "is 41, at most 40 are carried; send two parcels"),)
    assert error.reason == "TOO_HEAVY"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        (" \t\n", True),
        ("\u200b\u200b", True),
        ("\u202e ", True),
        ("a\u200b", False),
        ("–", False),
        ("\u3164\u2800", True),
        ("\u034f\ufe0f", True),
        ("\U0001f525", False),
        ("火", False),
    ],
)
def test_a_text_without_anything_to_see_says_nothing(text: str, expected: bool) -> None:
    assert says_nothing(text) is expected
