"""Names that people give in requests: each must read as what it is, so that nobody agrees to one thing and reads another."""

import unicodedata

from services.governance.domain.approver import person_of
from shared.errors import invalid_field


def check_name(field: str, name: str) -> None:
    """Raises InvalidInput for a name that is blank, has blanks around it, or holds what is not seen or turns the direction of reading.

    For requests only: what events tell is kept as they tell it.
    """
    if not person_of(name):
        raise invalid_field(field, f"is {name!a}, which shows nothing; give the whole name of the resource")
    if name != name.strip():
        raise invalid_field(field, f"is {name!a}, with blanks around it; leave them out")
    unseen = next((each for each in name if each != " " and unicodedata.category(each)[0] in "CZ"), None)
    if unseen is not None:
        told = unicodedata.name(unseen, "a control character").lower()
        raise invalid_field(field, f"is {name!a}, which holds U+{ord(unseen):04X} ({told}), seen by nobody; leave it out")
