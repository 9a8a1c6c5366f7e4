"""Ids: UUIDv7 that sort by time, behind resource names."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ids import id_of, name_of, new_id, uuid_of

NOW = datetime(2026, 3, 2, 9, 0, 0, 123_000, tzinfo=UTC)


def milliseconds(identifier: UUID) -> int:
    return identifier.int >> 80


def test_an_id_is_a_uuid_of_version_7_of_its_time() -> None:
    identifier = new_id(NOW)
    assert (identifier.version, identifier.variant) == (7, "specified in RFC 4122")
    assert milliseconds(identifier) == int(NOW.timestamp() * 1000)


@given(st.timedeltas(timedelta(0), timedelta(days=9999)), st.timedeltas(timedelta(milliseconds=1), timedelta(days=99)))
def test_ids_made_later_sort_later(since: timedelta, later: timedelta) -> None:
    assert new_id(NOW + since) < new_id(NOW + since + later)


def test_ids_of_one_moment_sort_as_they_were_made() -> None:
    """A batch is made at one moment, and its parts are listed in the order they were made."""
    made = [new_id(NOW) for _ in range(10_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_an_id_of_the_past_does_not_disturb_the_present() -> None:
    present = new_id(NOW)
    past = new_id(NOW - timedelta(days=1))
    assert past < present < new_id(NOW + timedelta(milliseconds=1))


def test_names_and_ids_give_each_other_back() -> None:
    identifier = new_id(NOW)
    name = name_of("things", identifier)
    assert name == f"things/{identifier}"
    assert (id_of(name), uuid_of(name)) == (str(identifier), identifier)


def test_the_last_part_of_a_nested_name_is_its_id() -> None:
    assert id_of("things/1/parts/wheel-7") == "wheel-7"


@pytest.mark.parametrize("name", ["", "things/", "things/wheel", "things/------------------------------------"])
def test_a_name_without_a_uuid_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match="UUID"):
        uuid_of(name)
