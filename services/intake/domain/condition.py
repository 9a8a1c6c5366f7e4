"""Conditions of grouping rules: CEL over an alert's labels, annotations and source."""

from collections.abc import Collection, Mapping
from typing import Any

from cel_expr_python import cel

from shared.condition import Facts, Language, Words

VARIABLES = ("labels", "annotations", "source")
_TEXTS = cel.Type.Map(cel.Type.STRING, cel.Type.STRING)
LANGUAGE = Language(
    {"labels": _TEXTS, "annotations": _TEXTS, "source": cel.Type.STRING},
    Words("labels, annotations and source are texts: compare them with a text in quotes", 'labels.env == "prod"'),
)


def facts_of(labels: Mapping[str, str], annotations: Mapping[str, str], source: str, names: Collection[str] = VARIABLES) -> Facts:
    """Returns what conditions read of an alert; only `names` of it, as the library copies all it is given."""
    data: dict[str, Any] = {"labels": labels} if "labels" in names else {}
    if "annotations" in names:
        data["annotations"] = annotations
    if "source" in names:
        data["source"] = source
    return LANGUAGE.facts(data)
