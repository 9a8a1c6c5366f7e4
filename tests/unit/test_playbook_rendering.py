"""Rendering: nothing missing is printed, nothing unvalidated stands bare, no template runs on."""

import pytest

from services.playbook.domain.context import context_of
from services.playbook.domain.errors import InputRefused, InputUndefined, RenderRefused, TemplateInvalid
from services.playbook.domain.inputs import inputs_of
from services.playbook.domain.playbook import render
from services.playbook.domain.template import InputType, TemplateInput
from tests.support.playbook import assessment_fact, decision_fact, facts, incident_fact, shipped, template_of


def text_of(body: str, **sources: str) -> str:
    """Renders a small template on all facts of an incident."""
    return template_of(body, sources=sources).render(context_of(facts(), {}))["NOTES.md"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ("[[= incident.colour =]]", "incident.colour"),
        ("[[= incident.colour.shade =]]", "incident.colour"),
        ("[[= assessment.terms[0].colour =]]", "assessment.terms.colour"),
        ("[[% for term in assessment.terms %]][[= term.colour =]][[% endfor %]]", "assessment.terms.colour"),
        ("[[% if incident.colour is known %]]x[[% endif %]]", "incident.colour"),
        ("[[% if incident.resolved_at %]]x[[% endif %]]", "incident.resolved_at"),
        ("[[= incident.resolved_at =]]", "incident.resolved_at"),
        ("[[% for x in incident.colours %]][[= x =]][[% endfor %]]", "incident.colours"),
        ("[[= [incident.name, incident.colour]|join =]]", "incident.colour"),
        ('[[= data("x", incident.colour) =]]', "incident.colour"),
        ('[[% include "part.j2" %]]', "practice.colour"),
    ],
)
def test_a_missing_value_is_named_with_its_path(body: str, path: str) -> None:
    with pytest.raises(InputUndefined) as refused:
        text_of(body, part="[[= practice.colour =]]")
    assert refused.value.reason == "INPUT_UNDEFINED"
    assert refused.value.metadata == {"input": path, "template": "templates/small"}
    assert [violation.field for violation in refused.value.violations] == [path]


def test_a_fact_that_has_not_arrived_can_be_asked_for_but_not_printed() -> None:
    without = context_of(facts(assessment=None), {})
    asked = template_of("[[= assessment.severity if assessment is known else 'unknown' =]]")
    assert asked.render(without)["NOTES.md"] == "unknown"
    with pytest.raises(InputUndefined, match=r"^assessment: "):
        template_of("[[= assessment.severity =]]").render(without)


@pytest.mark.parametrize(
    "body",
    [
        "[[= incident.title =]]",
        '[[= incident.title ~ "" =]]',
        "[[= [incident.title]|join =]]",
        "[[= data(incident.title, incident.summary) =]]",
        "[[% set x = incident.title %]][[= x =]]",
        '[[= "a\\nb" =]]',
        '[[= "`" =]]',
        "[[= true =]]",
        "[[= incident =]]",
    ],
)
def test_text_from_outside_cannot_be_printed_outside_a_data_block(body: str) -> None:
    with pytest.raises(RenderRefused) as refused:
        text_of(body)
    assert refused.value.metadata["rule"] == "TEXT_OUTSIDE_BLOCK"


LOOPS = "[[% for a in assessment.terms %]]"


@pytest.mark.parametrize(
    ("rule", "body"),
    [
        ("RENDER_STEPS", LOOPS * 14 + "x" + "[[% endfor %]]" * 14),
        ("RENDER_STEPS", LOOPS * 14 + "[[% endfor %]]" * 14),
        ("RENDER_STEPS", '[[% include "a.j2" %]]' * 60),
        ("RENDER_STEPS", '[[= data("x", incident.summary) =]]' * 10 + '[[% include "a.j2" %]]' * 40),
        ("RENDER_SIZE", "x" * 60_000 + '[[% include "part.j2" %]]' * 2),
        ("RENDER_SIZE", '[[% set x = "aaaaaaaa" %]]' + "[[% set x = x ~ x %]]" * 60 + "[[= x =]]"),
    ],
)
def test_a_template_that_runs_on_is_stopped(rule: str, body: str) -> None:
    sources = {"a": '[[% include "b.j2" %]]' * 60, "b": '[[% include "c.j2" %]]' * 60, "c": "", "part": "y" * 60_000}
    with pytest.raises(RenderRefused) as refused:
        text_of(body, **sources)
    assert refused.value.metadata["rule"] == rule


def test_sources_that_include_one_another_many_times_are_each_looked_at_once() -> None:
    # Six levels of a hundred includes each: a walk along every path would take 10^12 steps.
    wide = {f"w{n}": f'[[% include "w{n + 1}.j2" %]]' * 100 for n in range(5)}
    compiled = template_of('[[% include "w0.j2" %]]' * 100, sources={**wide, "w5": "x"})
    with pytest.raises(RenderRefused) as refused:
        compiled.render(context_of(facts(), {}))
    assert refused.value.metadata["rule"] == "RENDER_STEPS"


def test_a_render_stops_when_its_deadline_comes() -> None:
    turns = iter(range(10))
    compiled = template_of("[[% for a in assessment.terms %]]x[[% endfor %]]")
    with pytest.raises(RenderRefused) as refused:
        compiled.render(context_of(facts(), {}), is_over=lambda: next(turns) > 1)
    assert refused.value.metadata["rule"] == "RENDER_TIME"


@pytest.mark.parametrize(
    ("rule", "says", "body"),
    [
        ("CONSTRUCT_REFUSED", "Mul", '[[= "x" * 9 =]]'),
        ("CONSTRUCT_REFUSED", "Mod", '[[= "%99999999d" % 1 =]]'),
        ("CONSTRUCT_REFUSED", "Macro", "[[% macro a() %]][[= a() =]][[% endmacro %]]"),
        ("CONSTRUCT_REFUSED", "Import", '[[% import "part.j2" as p %]]'),
        ("CONSTRUCT_REFUSED", "Extends", '[[% extends "part.j2" %]]'),
        ("CONSTRUCT_REFUSED", "recursive", "[[% for a in assessment.terms recursive %]][[% endfor %]]"),
        ("CONSTRUCT_REFUSED", "calls something", "[[= incident.title.upper() =]]"),
        ("CONSTRUCT_REFUSED", "the filter counted", "[[= assessment.terms|counted(-9) =]]"),
        ("CONSTRUCT_REFUSED", "to a list", '[[% set x = ["a"] %]][[% set x = [x, x] %]]'),
        ("CONSTRUCT_REFUSED", "made at run time", "[[% include incident.title %]]"),
        ("CONSTRUCT_REFUSED", "ignore missing", '[[% include "gone.j2" ignore missing %]]'),
        ("CONSTRUCT_REFUSED", "AssignBlock", "[[% set x %]]a[[% endset %]]"),
        ("SOURCE_SYNTAX", "nested too deep", "[[% if incident %]]" * 400 + "[[% endif %]]" * 400),
        ("SOURCE_SYNTAX", "nested too deep", "[[= " + "(" * 5000 + "1" + ")" * 5000 + " =]]"),
        ("SOURCE_TOO_LARGE", "at most", "x" * 70_000),
        ("INCLUDE_OUTSIDE", "outside of the folder", '[[% include "../other/body.j2" %]]'),
        ("INCLUDE_OUTSIDE", "outside of the folder", '[[% include "/etc/passwd" %]]'),
        ("INCLUDE_OUTSIDE", "outside of the folder", '[[% include "_partials/../x.j2" %]]'),
        ("INCLUDE_MISSING", "under partials", '[[% include "_partials/gone.j2" %]]'),
        ("INCLUDE_CYCLE", "again", '[[% include "body.j2" %]]'),
        ("INCLUDE_TOO_DEEP", "more than 6", '[[% include "d1.j2" %]]'),
    ],
)
def test_what_a_template_may_not_say_is_refused_when_it_is_loaded(rule: str, says: str, body: str) -> None:
    deep = {f"d{n}": f'[[% include "d{n + 1}.j2" %]]' for n in range(1, 8)}
    with pytest.raises(TemplateInvalid, match=says) as refused:
        template_of(body, sources={"part": "", **deep, "d8": ""})
    assert refused.value.rule == rule


@pytest.mark.parametrize(
    "body",
    [
        "[[= incident.__class__ =]]",
        "[[= incident._fields =]]",
        "[[= incident.title.raw =]]",
        "[[= ''.format =]]",
        "[[= assessment.terms.append =]]",
        '[[= incident["_path"] =]]',
    ],
)
def test_a_template_reaches_nothing_but_the_values_given(body: str) -> None:
    with pytest.raises(InputUndefined):
        text_of(body)


def test_braces_of_other_languages_pass_through() -> None:
    braces = "{{ a }} {% b %} ${{ c }} {{ $labels.d }} {# e #}\n"
    assert text_of(braces) == braces


NOTE = TemplateInput("note", InputType.STRING, "A note.", required=True)
COUNT = TemplateInput("count", InputType.NUMBER, "A count.", required=False)
FACTS = TemplateInput("assessment", InputType.OBJECT, "The assessment.", required=True)


def test_an_input_is_refused_when_it_is_unknown_ill_formed_or_missing() -> None:
    manifest = template_of("x", (NOTE, COUNT, FACTS)).template.manifest
    for given, field in [
        ({"note": "x", "colour": "red"}, "inputs[colour]"),
        ({"note": "x", "assessment": "SEV1"}, "inputs[assessment]"),
        ({"note": "two\nlines"}, "inputs[note]"),
        ({"note": "x", "count": "many"}, "inputs[count]"),
    ]:
        with pytest.raises(InputRefused) as refused:
            inputs_of(manifest, given)
        assert [violation.field for violation in refused.value.violations] == [field]
    with pytest.raises(InputUndefined, match=r"inputs\.note"):
        inputs_of(manifest, {"note": "  "})


def test_a_required_fact_that_has_not_arrived_is_named() -> None:
    with pytest.raises(InputUndefined, match=r"^assessment: "):
        render(template_of("x", (FACTS,)), facts(assessment=None), {}, None)


def test_a_bundle_rests_on_the_decision_and_is_stamped_with_it() -> None:
    decision = decision_fact(3)
    rendering = render(shipped(), facts(decisions=(decision,)), {}, decision)
    assert rendering.provenance.decision == decision.name
    assert rendering.provenance.policy_revision == 3
    stamped = [file.path for file in rendering.files if f"decision: {decision.name}\n" in file.content]
    assert stamped == [file.path for file in rendering.files if not file.path.endswith(".json")]


def test_the_digest_of_inputs_follows_every_fact_and_input() -> None:
    digests = {
        render(shipped(), each, given, None).provenance.inputs_digest
        for each, given in [
            (facts(), {}),
            (facts(incident=incident_fact(summary="other")), {}),
            (facts(assessment=assessment_fact(revision=2)), {}),
            (facts(decisions=()), {}),
            (facts(), {"commander": "Ana"}),
        ]
    }
    assert len(digests) == 5
