"""Whatever text stands in whatever input or fact of whatever template: nothing outside of its own block is altered, at any target."""

import json
import re
import subprocess
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.playbook.domain.errors import InputRefused
from services.playbook.domain.fact import IncidentFacts
from services.playbook.domain.playbook import Order, render
from services.playbook.domain.template import InputType, Target, TemplateInput
from tests.support.markdown import blocks_of, without_blocks
from tests.support.templates import shown, templates
from tests.unit.test_playbook_text import PIECES, hostile

NAMES = sorted(templates())
TEXTS = (InputType.STRING, InputType.TEXT, InputType.LIST)
FREELY = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))


def outside(page: str) -> str:
    """What stands outside of data blocks, without the digest of the inputs, which must follow every input."""
    return re.sub(r"^inputs-digest: [0-9a-f]{64}$", "inputs-digest:", without_blocks(page), flags=re.MULTILINE)


def fitted(declared: TemplateInput, text: str) -> str:
    """Text cut to what the input takes: what it does not take is refused, which other tests show."""
    if declared.type is InputType.STRING:
        text = " ".join(text.splitlines())
    if declared.type is InputType.LIST:
        text = "\n".join(line[: declared.limits.max_length] for line in text.splitlines()[: declared.limits.max_items])
    text = text[: declared.limits.max_length] if declared.type is not InputType.LIST else text
    return text if text.strip() else "x"


def files_of(template: str, facts: IncidentFacts, inputs: dict[str, str], target: Target) -> dict[str, str]:
    rendering = render(templates()[template][0], facts, inputs, facts.newest_decision, Order(target))
    return {file.path: file.content for file in rendering.files}


def texts_of(template: str) -> list[TemplateInput]:
    return [each for each in templates()[template][0].template.manifest.inputs if each.type in TEXTS]


@pytest.mark.parametrize("target", list(Target))
@pytest.mark.parametrize("template", NAMES)
@given(data=st.data())
@FREELY
def test_no_input_alters_anything_outside_its_own_block(template: str, target: Target, data: Any) -> None:
    case = templates()[template][1]["checkout"]
    benign = {each.name: "benign" for each in texts_of(template)}
    evil = {each.name: fitted(each, data.draw(hostile, each.name)) for each in texts_of(template)}
    for path, page in files_of(template, case.facts, evil, target).items():
        expected = files_of(template, case.facts, benign, target)[path]
        assert outside(page) == outside(expected), path
        assert len(blocks_of(page)) == len(blocks_of(expected)), path


@pytest.mark.parametrize("target", list(Target))
@pytest.mark.parametrize("template", NAMES)
@given(text=st.tuples(*[hostile] * 8))
@FREELY
def test_no_fact_alters_anything_outside_its_own_block(template: str, target: Target, text: tuple[str, ...]) -> None:
    case = templates()[template][1]["checkout"]
    held = case.facts
    assert held.incident
    assert held.assessment
    altered = replace(
        held,
        incident=replace(held.incident, title=text[0], summary=text[1], components=(text[2],)),
        assessment=replace(
            held.assessment,
            title=text[3],
            unknown_components=(text[2],),
            terms=tuple(replace(term, value=text[4], reason=text[5]) for term in held.assessment.terms),
            counterfactuals=tuple(replace(each, text=text[5]) for each in held.assessment.counterfactuals),
        ),
        decisions=tuple(
            replace(each, explanation=text[6], displaced=tuple(replace(item, title=text[7]) for item in each.displaced))
            for each in held.decisions
        ),
    )
    expected = shown(template, "checkout", target).files
    for path, page in files_of(template, altered, dict(case.inputs), target).items():
        assert outside(page) == outside(expected[path]), path
        assert len(blocks_of(page)) == len(blocks_of(expected[path])), path


@pytest.mark.parametrize("template", NAMES)
def test_ten_megabytes_of_annotation_cost_no_more_than_a_page(template: str) -> None:
    case = templates()[template][1]["checkout"]
    assert case.facts.incident
    huge = "".join(PIECES) * (10_000_000 // len("".join(PIECES)))
    facts = replace(case.facts, incident=replace(case.facts.incident, title=huge, summary=huge))
    for target in Target:
        for path, page in files_of(template, facts, dict(case.inputs), target).items():
            assert len(page) < len(shown(template, "checkout", target).files[path]) + 8_000


@pytest.mark.parametrize("template", NAMES)
def test_an_input_beyond_its_limits_is_refused_by_its_name(template: str) -> None:
    compiled, cases = templates()[template]
    facts = cases["checkout"].facts
    for declared in compiled.template.manifest.inputs:
        limits = declared.limits
        wrong = {
            InputType.STRING: "x" * ((limits.max_length or 0) + 1),
            InputType.TEXT: "x" * ((limits.max_length or 0) + 1),
            InputType.LIST: "x\n" * ((limits.max_items or 0) + 1),
            InputType.NUMBER: "1e999",
            InputType.CHOICE: "neither",
        }.get(declared.type)
        if wrong is None or (declared.type is InputType.TEXT and limits.max_length is None):
            continue
        with pytest.raises(InputRefused) as refused:
            render(compiled, facts, {declared.name: wrong}, None)
        assert [each.field for each in refused.value.violations] == [f"inputs[{declared.name}]"]


@pytest.mark.parametrize("template", sorted(set(NAMES) - {"code-review"}))
def test_the_hooks_of_every_bundle_hold_and_let_work_through(template: str) -> None:
    settings_file = json.loads(shown(template, "checkout", Target.CLAUDE_CODE).files[".claude/settings.json"])
    hooks = [hook["command"] for group in settings_file["hooks"]["PreToolUse"] for hook in group["hooks"]]

    def passes(command: str) -> bool:
        call = json.dumps({"tool_name": "Bash", "tool_input": {"command": command}}).encode()
        return {subprocess.run(["/bin/sh", "-c", hook], input=call, capture_output=True, check=False).returncode for hook in hooks} == {0}

    assert [command for command in ("git push --force", "git push origin +main", "printenv", "cat .env") if passes(command)] == []
    assert [command for command in ("git push origin fix/a", "git log", "pytest -q", "npm test") if not passes(command)] == []
