"""What is wrong with a template that loads all the same: inputs and files nobody uses, secrets, cases that do not hold."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from services.playbook.domain.applying import applies
from services.playbook.domain.case import Case
from services.playbook.domain.errors import InputRefused, InputUndefined, RenderRefused
from services.playbook.domain.manifest import MANIFEST, PARTIALS
from services.playbook.domain.playbook import Order, render
from services.playbook.domain.rendering import CompiledTemplate
from services.playbook.domain.secret import SECRET
from services.playbook.domain.text import HIDDEN

RULES = (
    "INPUT_UNUSED", "SOURCE_UNUSED", "PARTIAL_UNUSED", "SOURCE_SECRET", "SOURCE_HIDDEN_CHARACTER", "CASE_MISSING", "CASE_APPLIES",
    "CASE_RENDER",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TemplateFinding:
    """A place in a template's folder that breaks a rule."""

    rule: str
    file: str
    line: int
    message: str


def findings_in_template(compiled: CompiledTemplate, cases: Mapping[str, Case]) -> Iterator[TemplateFinding]:
    """Yields what is wrong, in the order of files; the template itself was loaded, so that faults which stop that are none of these."""
    yield from _unused(compiled)
    yield from _unseen(compiled)
    if not cases:
        yield TemplateFinding("CASE_MISSING", compiled.template.file("cases"), 1, "holds no case; write one incident to render on")
    for name, case in cases.items():
        yield from _case(compiled, name, case)


def _unused(compiled: CompiledTemplate) -> Iterator[TemplateFinding]:
    template = compiled.template
    manifest_text = template.sources[MANIFEST]

    def finding(rule: str, name: str, message: str) -> TemplateFinding:
        return TemplateFinding(rule, template.file(MANIFEST), _line_of(manifest_text, name), message)

    for value in template.manifest.inputs:
        if value.name not in compiled.inputs_used:
            yield finding("INPUT_UNUSED", f"name: {value.name}", f"input {value.name} is declared and no source reads it")
    reached = compiled.inclusions.reached_from({file.source for file in template.manifest.files})
    for source in sorted(set(template.sources) - {MANIFEST} - reached):
        if source.startswith(f"{PARTIALS}/"):
            yield finding("PARTIAL_UNUSED", source.split("/")[1], f"partial {source} is named and no source includes it")
        else:
            yield TemplateFinding("SOURCE_UNUSED", template.file(source), 1, "is rendered to no file and included by none")


def _unseen(compiled: CompiledTemplate) -> Iterator[TemplateFinding]:
    for source, text in sorted(compiled.template.sources.items()):
        file = compiled.template.file(source)
        for number, line in enumerate(text.split("\n"), 1):
            if SECRET.search(line):
                yield TemplateFinding("SOURCE_SECRET", file, number, "holds what looks like a credential; take it out and revoke it")
            if HIDDEN.search(line):
                yield TemplateFinding("SOURCE_HIDDEN_CHARACTER", file, number, "holds an invisible character; take it out")


def _case(compiled: CompiledTemplate, name: str, case: Case) -> Iterator[TemplateFinding]:
    file = compiled.template.file(f"cases/{name}.yaml")
    manifest = compiled.template.manifest
    if applies(manifest.applies, case.facts) != case.applies:
        yield TemplateFinding(
            "CASE_APPLIES", file, 1, f"says applies: {str(case.applies).lower()}, which the manifest's condition does not"
        )
    for target in manifest.targets:
        try:
            render(compiled, case.facts, case.inputs, case.facts.newest_decision, Order(target))
        except (InputUndefined, InputRefused, RenderRefused) as refused:
            yield TemplateFinding("CASE_RENDER", file, 1, f"does not render for {target}: {refused}")


def _line_of(text: str, needle: str) -> int:
    return text.count("\n", 0, max(0, text.find(needle))) + 1
