"""Renders a playbook: facts and inputs in; stamped, linted files out."""

from collections.abc import Mapping

from services.playbook.domain.bundle import BundleFile, Rendering
from services.playbook.domain.context import context_of
from services.playbook.domain.fact import DecisionFact, IncidentFacts
from services.playbook.domain.inputs import inputs_of, require_facts
from services.playbook.domain.lint import refuse_unfit
from services.playbook.domain.provenance import provenance_of, stamped
from services.playbook.domain.rendering import CompiledTemplate


def render(compiled: CompiledTemplate, facts: IncidentFacts, given: Mapping[str, str], decision: DecisionFact | None) -> Rendering:
    """Returns the files a template gives for these facts and inputs; `decision` is the one the bundle is rendered on, if any.

    Raises InputRefused, InputUndefined or RenderRefused. The same arguments give the same bytes.
    """
    manifest = compiled.template.manifest
    require_facts(manifest, facts)
    texts = compiled.render(context_of(facts, inputs_of(manifest, given)))
    provenance = provenance_of(compiled.template, facts, given, decision)
    files = {path: stamped(path, text, provenance) for path, text in sorted(texts.items())}
    refuse_unfit(files)
    return Rendering(provenance, tuple(BundleFile(path, text) for path, text in files.items()))
