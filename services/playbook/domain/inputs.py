"""Values a request gives a template: checked against its manifest, and data from then on."""

import math
from collections.abc import Mapping

from services.playbook.domain.errors import InputRefused, InputUndefined
from services.playbook.domain.fact import IncidentFacts
from services.playbook.domain.template import InputType, Manifest, TemplateInput
from services.playbook.domain.value import Text


def inputs_of(manifest: Manifest, given: Mapping[str, str]) -> dict[str, object]:
    """Returns a value for every input a request may give, None for those it does not.

    Raises InputRefused for one the template does not take, and InputUndefined for a required one that is missing or blank.
    """
    declared = {value.name: value for value in manifest.inputs if value.type is not InputType.OBJECT}
    for name in sorted(given):
        if name not in declared:
            raise InputRefused(name, "the template takes no such input; it takes " + (", ".join(sorted(declared)) or "none"))
    return {name: _value(value, given.get(name, ""), manifest.id) for name, value in declared.items()}


def _value(declared: TemplateInput, text: str, template: str) -> object:
    text = text if text.strip() else declared.default
    if not text.strip():
        if declared.required:
            raise InputUndefined(f"inputs.{declared.name}", f"templates/{template}")
        return None
    label = declared.name.replace("_", " ")
    if declared.type is InputType.NUMBER:
        return _number(declared, text.strip())
    if declared.type is InputType.CHOICE:
        return _choice(declared, text.strip())
    if declared.type is InputType.LIST:
        return [Text(item, label) for item in _items(declared, text)]
    if declared.type is InputType.STRING and len(text.splitlines()) > 1:
        raise InputRefused(declared.name, "must be one line")
    _refuse_long(declared, text)
    return Text(text, label)


def _refuse_long(declared: TemplateInput, text: str) -> None:
    most = declared.limits.max_length
    if most is not None and len(text) > most:
        raise InputRefused(declared.name, f"has {len(text)} characters, at most {most} are allowed")


def _items(declared: TemplateInput, text: str) -> list[str]:
    items = [line for line in text.splitlines() if line.strip()]
    most = declared.limits.max_items
    if most is not None and len(items) > most:
        raise InputRefused(declared.name, f"has {len(items)} items, at most {most} are allowed; send the newest")
    for item in items:
        _refuse_long(declared, item)
    return items


def _number(declared: TemplateInput, text: str) -> str:
    try:
        number = float(text)
    except ValueError:
        raise InputRefused(declared.name, "must be a number, such as 12.5") from None
    least, most = declared.limits.minimum, declared.limits.maximum
    if not math.isfinite(number) or (least is not None and number < least) or (most is not None and number > most):
        bounds = ("" if least is None else f" from {least:g}") + ("" if most is None else f" to {most:g}")
        raise InputRefused(declared.name, f"must be a number{bounds}")
    return f"{number:.12g}"


def _choice(declared: TemplateInput, text: str) -> str:
    if text not in declared.choices:
        raise InputRefused(declared.name, "must be one of " + ", ".join(declared.choices))
    return text


def require_facts(manifest: Manifest, facts: IncidentFacts) -> None:
    """Raises InputUndefined when the template requires a fact that has not arrived."""
    held = {"incident": facts, "assessment": facts.assessment, "decisions": facts.decisions}
    for value in manifest.inputs:
        if value.type is InputType.OBJECT and value.required and not held.get(value.name):
            raise InputUndefined(value.name, f"templates/{manifest.id}")
