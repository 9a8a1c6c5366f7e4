"""Names as people type them: whole resource names, or the short form where the kind is clear."""

import re
from uuid import UUID

from shared.errors import InvalidInput, invalid_field

_CHOSEN_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def resource_name(argument: str, collection: str, text: str) -> str:
    """Returns `collection/{uuid}` for that name or a bare UUID. Raises InvalidInput naming the argument."""
    kind, slash, identifier = text.strip().rpartition("/")
    if slash and kind != collection:
        raise _refused(argument, text, f"is not of {collection}/; give {collection}/{{uuid}} or the bare UUID")
    try:
        return f"{collection}/{UUID(identifier)}"
    except ValueError:
        raise _refused(argument, text, f"does not end in a UUID; give {collection}/{{uuid}} or the bare UUID") from None


def either_name(argument: str, collections: tuple[str, ...], text: str) -> list[str]:
    """Returns the names `text` may mean, in the order to try them: one for a whole name, one for each collection for a bare UUID."""
    if "/" in text:
        kind = text.strip().partition("/")[0]
        if kind not in collections:
            raise _refused(
                argument, text, f"is not of {' or '.join(f'{each}/' for each in collections)}; give one of those, or the bare UUID"
            )
        return [resource_name(argument, kind, text)]
    return [resource_name(argument, each, text) for each in collections]


def team_name(argument: str, text: str) -> str:
    """Returns `teams/{id}` for that name or the bare id. Raises InvalidInput naming the argument."""
    return _chosen_name(argument, "teams", "team", text)


def item_name(argument: str, text: str) -> str:
    """Returns `roadmapItems/{id}` for that name or the bare id. Raises InvalidInput naming the argument."""
    return _chosen_name(argument, "roadmapItems", "roadmap item", text)


def component_name(argument: str, text: str) -> str:
    """Returns `components/{id}` for that name or the bare id. Raises InvalidInput naming the argument."""
    return _chosen_name(argument, "components", "component", text)


def policy_name(argument: str, text: str) -> str:
    """Returns `allocationPolicies/{id}` for that name or the bare id. Raises InvalidInput naming the argument."""
    return _chosen_name(argument, "allocationPolicies", "policy", text)


def heartbeat_name(argument: str, text: str) -> str:
    """Returns `heartbeats/{id}` for that name or the bare id. Raises InvalidInput naming the argument."""
    return _chosen_name(argument, "heartbeats", "heartbeat", text)


def slo_name(argument: str, text: str) -> str:
    """Returns `slos/{id}` for that name or the bare id. Raises InvalidInput naming the argument."""
    return _chosen_name(argument, "slos", "SLO", text)


def slo_document_name(argument: str, text: str) -> str:
    """Returns `sloDocuments/{kind}.{id}` for that name or `{kind}.{id}`, else the name of an SLO. Raises InvalidInput."""
    kind, dot, identifier = text.strip().removeprefix("sloDocuments/").partition(".")
    if not dot and not text.strip().startswith("sloDocuments/"):
        return slo_name(argument, text)
    if not (kind.isascii() and kind.isalpha() and _CHOSEN_ID.fullmatch(identifier)):
        raise _refused(argument, text, "is no document; give sloDocuments/{kind}.{id}, as sloDocuments/DataSource.prometheus, or an SLO")
    return f"sloDocuments/{kind}.{identifier}"


def _chosen_name(argument: str, collection: str, noun: str, text: str) -> str:
    identifier = text.strip().removeprefix(f"{collection}/")
    if not _CHOSEN_ID.fullmatch(identifier):
        rule = "lower-case letters, digits and inner dashes, at most 63"
        raise _refused(argument, text, f"is no {noun} id; give {collection}/{{id}} or the id: {rule}")
    return f"{collection}/{identifier}"


def any_name(argument: str, text: str) -> str:
    """Returns a resource name of any kind as it is, such as `incidents/{uuid}`, or `severityMatrix@2`, a version of the one document of its
    kind. Raises InvalidInput for one without a kind."""
    name = text.strip()
    kind, mark, identifier = name.partition("@" if "/" not in name else "/")
    if not (kind and mark and identifier):
        raise _refused(argument, text, "names no kind; give the whole name, such as incidents/{uuid} or severityMatrix@2")
    return name


def _refused(argument: str, text: str, description: str) -> InvalidInput:
    return invalid_field(argument, f"{text!r} {description}", reason="NAME_INVALID")
