"""Renders a playbook: facts and inputs in; stamped, linted files out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from services.playbook.domain.bundle import BundleFile, Rendering
from services.playbook.domain.context import context_of
from services.playbook.domain.environment import never
from services.playbook.domain.errors import RenderRefused
from services.playbook.domain.fact import DecisionFact, IncidentFacts
from services.playbook.domain.inputs import inputs_of, require_facts
from services.playbook.domain.lint import refuse_unfit
from services.playbook.domain.place import places_of
from services.playbook.domain.provenance import provenance_of, stamped
from services.playbook.domain.rendering import CompiledTemplate
from services.playbook.domain.template import Target


@dataclass(frozen=True, slots=True)
class Order:
    """How to render: for whom, and until when. `is_over` tells that the deadline has come."""

    target: Target = Target.CLAUDE_CODE
    is_over: Callable[[], bool] = never


def render(
    compiled: CompiledTemplate, facts: IncidentFacts, given: Mapping[str, str], decision: DecisionFact | None, order: Order = Order()
) -> Rendering:
    """Returns the files a template gives for these facts and inputs; `decision` is the one the bundle is rendered on, if any.

    Raises InputRefused, InputUndefined or RenderRefused. The same arguments give the same bytes.
    """
    manifest = compiled.template.manifest
    if order.target not in manifest.targets:
        message = f"has no files for {order.target}; it has some for " + ", ".join(manifest.targets)
        raise RenderRefused("TARGET_UNKNOWN", manifest.id, message)
    require_facts(manifest, facts)
    values = context_of(facts, inputs_of(manifest, given), places_of(order.target, manifest.id))
    texts = compiled.render(values, order.target, order.is_over)
    provenance = provenance_of(compiled.template, facts, given, decision, order.target)
    forms = {file.path for file in manifest.files_for(order.target) if file.is_form}
    files = {path: stamped(path, text, provenance, is_form=path in forms) for path, text in sorted(texts.items())}
    refuse_unfit(files)
    return Rendering(provenance, tuple(BundleFile(path, text) for path, text in files.items()))
