"""Values a request gives a template: checked against its manifest, and data from then on."""

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
    if not text.strip():
        if declared.required:
            raise InputUndefined(f"inputs.{declared.name}", f"templates/{template}")
        return None
    label = declared.name.replace("_", " ")
    if declared.type is InputType.NUMBER:
        return _number(declared.name, text.strip())
    if declared.type is InputType.LIST:
        return [Text(line, label) for line in text.splitlines() if line.strip()]
    if declared.type is InputType.STRING and len(text.splitlines()) > 1:
        raise InputRefused(declared.name, "must be one line")
    return Text(text, label)


def _number(name: str, text: str) -> str:
    try:
        return f"{float(text):.12g}"
    except ValueError:
        raise InputRefused(name, "must be a number, such as 12.5") from None


def require_facts(manifest: Manifest, facts: IncidentFacts) -> None:
    """Raises InputUndefined when the template requires a fact that has not arrived."""
    held = {"incident": facts, "assessment": facts.assessment, "decisions": facts.decisions}
    for value in manifest.inputs:
        if value.type is InputType.OBJECT and value.required and not held.get(value.name):
            raise InputUndefined(value.name, f"templates/{manifest.id}")
