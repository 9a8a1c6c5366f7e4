"""What a template's folder may say: manifests, inputs, cases, partials; every fault with its rule, file and line."""

import shutil
from pathlib import Path

import pytest

from services.playbook.domain.applying import applies, condition_of
from services.playbook.domain.case import case_from
from services.playbook.domain.errors import InputRefused, RenderRefused, TemplateInvalid
from services.playbook.domain.fact import IncidentFacts, Severity
from services.playbook.domain.inputs import inputs_of
from services.playbook.domain.manifest import manifest_from
from services.playbook.domain.playbook import Order, render
from services.playbook.domain.rendering import CompiledTemplate
from services.playbook.domain.template import InputType, Limits, Manifest, Target
from services.playbook.domain.template_lint import findings_in_template
from services.playbook.storage.template_folder import load_templates, read_cases, read_template
from tests.support.playbook import assessment_fact, decision_fact, facts, incident_fact

HEAD = "id: small\nversion: 1.0.0\ndescription: Small.\nowner: teams/a\nreview_by: 2027-01-31\n"
FILES = "files:\n  - {source: body.j2, path: NOTES.md}\n"
CASE = "description: One.\nfacts:\n  incident: incidents/01990000-0000-7000-8000-000000000001\n"


def manifest(inputs: str = "[]", more: str = "", files: str = FILES) -> str:
    return f"{HEAD}{more}inputs: {inputs}\n{files}"


def read(text: str) -> Manifest:
    return manifest_from(text, "template.yaml")


def folder(root: Path, text: str | None = None, **sources: str) -> Path:
    small = root / "small"
    (small / "cases").mkdir(parents=True)
    (small / "template.yaml").write_text(text or manifest())
    (small / "cases" / "one.yaml").write_text(CASE)
    for name, source in {"body": "Notes on `[[= incident.name =]]`.\n", **sources}.items():
        (small / f"{name}.j2").write_text(source)
    return small


def compiled(root: Path) -> CompiledTemplate:
    return CompiledTemplate(read_template(root / "small", root))


def rules(root: Path) -> list[str]:
    return [finding.rule for finding in findings_in_template(compiled(root), read_cases(root / "small", root))]


def refused(text: str) -> TemplateInvalid:
    with pytest.raises(TemplateInvalid) as found:
        read(text)
    return found.value


def test_a_manifest_says_what_it_takes_for_whom_and_when() -> None:
    found = read(
        manifest(
            "\n  - {name: percent, type: number, description: P., required: false, default: '5', minimum: 1, maximum: 50}\n"
            "  - {name: kind, type: choice, description: K., required: false, default: a b, choices: [a b, c]}\n"
            "  - {name: files, type: list, description: F., required: false, max_items: 3, max_length: 20}",
            "applies: severity <= 2\ntargets: [plain, claude-code]\npartials: [brief.md.j2]\nstack: [{name: fastapi, version: 0.165.0}]\n",
        )
    )
    assert found.targets == (Target.CLAUDE_CODE, Target.PLAIN)
    assert [(each.type, each.default, each.limits) for each in found.inputs] == [
        (InputType.NUMBER, "5", Limits(minimum=1, maximum=50)),
        (InputType.CHOICE, "a b", Limits()),
        (InputType.LIST, "", Limits(max_length=20, max_items=3)),
    ]
    assert found.applies
    assert (found.applies.text, found.partials, found.stack[0].version) == ("severity <= 2", ("brief.md.j2",), "0.165.0")


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ("[{name: a, type: choice, description: A., required: false}]", "needs choices"),
        ("[{name: a, type: choice, description: A., required: false, choices: []}]", "at least one"),
        ("[{name: a, type: choice, description: A., required: false, choices: ['@x']}]", "plain word"),
        ("[{name: a, type: choice, description: A., required: false, choices: [b, b]}]", "names b twice"),
        ("[{name: a, type: choice, description: A., required: false, choices: [b], default: c}]", "must be one of b"),
        ("[{name: a, type: string, description: A., required: false, choices: [b]}]", "has no choices"),
        ("[{name: a, type: string, description: A., required: false, minimum: 1}]", "has no minimum"),
        ("[{name: a, type: string, description: A., required: true, default: x}]", "no use for a default"),
        ("[{name: a, type: string, description: A., required: false, max_length: 0}]", "from 1 to 8192"),
        ("[{name: a, type: list, description: A., required: false, max_items: many}]", "from 1 to 64"),
        ("[{name: a, type: number, description: A., required: false, minimum: 3, maximum: 2}]", "must not be above"),
        ("[{name: a, type: number, description: A., required: false, minimum: 3, default: 2}]", "between minimum and maximum"),
        ("[{name: a, type: number, description: A., required: false, minimum: low}]", "must be a number"),
        ('[{name: a, type: string, description: A., required: false, default: "a\\u202eb"}]', "can be seen"),
        ("[{name: a, type: object, description: A., required: false, default: x}]", "has no default"),
    ],
)
def test_a_fault_of_an_input_is_told(inputs: str, says: str) -> None:
    found = refused(manifest(inputs))
    assert (found.rule, found.line) == ("MANIFEST_INVALID", 6)
    assert says in str(found)


@pytest.mark.parametrize(
    ("more", "files", "says"),
    [
        ("applies: severity\n", FILES, "must give a bool"),
        ("applies: colour == 1\n", FILES, "undeclared reference"),
        ("targets: []\n", FILES, "must be some of"),
        ("targets: [paper]\n", FILES, "must be some of"),
        ("targets: [plain]\n", "files:\n  - {source: body.j2, path: A.md, targets: [claude-code]}\n", "must be some of plain"),
        ("", "files:\n  - {source: body.j2, path: A.md, targets: [plain]}\n", "none is for claude-code, agents-md"),
        ("", "files:\n  - {source: body.j2, path: A.md}\n  - {source: b.j2, path: A.md, targets: [plain]}\n", "once for each target"),
        ("", "files:\n  - {source: body.j2, path: A.md, form: maybe}\n", "must be true or false"),
        ("", "files:\n" + "".join(f"  - {{source: body.j2, path: a{n}.md}}\n" for n in range(33)), "at most 32"),
        ("partials: [../x.j2]\n", FILES, "without a path"),
        ("partials: [a.j2, a.j2]\n", FILES, "twice"),
        ("stack: [{name: x}]\n", FILES, "lacks version"),
    ],
)
def test_a_fault_of_the_format_is_told(more: str, files: str, says: str) -> None:
    found = refused(manifest(more=more, files=files))
    assert found.rule == "MANIFEST_INVALID"
    assert says in str(found)


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("YAML_ALIAS", "a: &a [x]\nb: [*a, *a, *a, *a]\n"),
        ("YAML_ALIAS", "a: &a {b: *a}\n"),
        ("YAML_TOO_DEEP", "[" * 5000),
        ("YAML_TOO_DEEP", "a: " + "{a: " * 20 + "1" + "}" * 20),
        ("YAML_TOO_LARGE", "a: " + "x" * 70_000),
        ("YAML_INVALID", "a: ["),
        ("YAML_INVALID", "a: \x07"),
        ("YAML_INVALID", "a: 1\n---\nb: 2\n"),
        ("MANIFEST_INVALID", ""),
        ("MANIFEST_INVALID", "- a\n"),
        ("MANIFEST_INVALID", manifest(more="owner: !!python/object/apply:os.system [ls]\n").replace("owner: teams/a\n", "")),
    ],
)
def test_yaml_that_grows_or_is_none_is_refused(rule: str, text: str) -> None:
    assert refused(text).rule == rule


def test_a_folder_that_groups_templates_is_looked_into(tmp_path: Path) -> None:
    folder(tmp_path / "stack")
    assert list(load_templates(tmp_path)) == ["templates/small"]
    folder(tmp_path)
    with pytest.raises(TemplateInvalid, match="is also that of"):
        load_templates(tmp_path)


def test_partials_are_part_of_what_a_template_is(tmp_path: Path) -> None:
    folder(tmp_path, manifest(more="partials: [p.j2]\n"), body='[[% include "_partials/p.j2" %]]\n')
    with pytest.raises(TemplateInvalid, match=r"p\.j2 is not in"):
        load_templates(tmp_path)
    (tmp_path / "_partials").mkdir()
    (tmp_path / "_partials" / "p.j2").write_text("One.\n")
    before = read_template(tmp_path / "small", tmp_path).content_hash
    (tmp_path / "_partials" / "p.j2").write_text("Two.\n")
    assert read_template(tmp_path / "small", tmp_path).content_hash != before


def test_cases_and_readme_are_no_part_of_what_a_template_is(tmp_path: Path) -> None:
    small = folder(tmp_path)
    before = read_template(small, tmp_path).content_hash
    (small / "README.md").write_text("Read.\n")
    (small / "cases" / "two.yaml").write_text(CASE)
    assert read_template(small, tmp_path).content_hash == before


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("FILE_UNKNOWN", lambda small: (small / "part.md").write_text("x")),
        ("FILE_UNKNOWN", lambda small: (small / "more").mkdir()),
        ("INCLUDE_OUTSIDE", lambda small: (small / "part.j2").symlink_to("/etc/hostname")),
        ("SOURCE_TOO_LARGE", lambda small: (small / "part.j2").write_text("x" * 300_000)),
        ("SOURCE_NOT_TEXT", lambda small: (small / "part.j2").write_bytes(b"\xff")),
        ("TEMPLATE_INVALID", lambda small: (small / "template.yaml").unlink()),
    ],
)
def test_a_folder_with_something_strange_in_it_is_refused(tmp_path: Path, rule: str, change: object) -> None:
    small = folder(tmp_path)
    change(small)  # type: ignore[operator]
    with pytest.raises(TemplateInvalid) as found:
        load_templates(tmp_path)
    assert found.value.rule == rule


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    folder(tmp_path / "elsewhere")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "small").symlink_to(tmp_path / "elsewhere" / "small")
    with pytest.raises(TemplateInvalid, match="is a link"):
        load_templates(tmp_path / "root")


NOTE = "[{name: note, type: string, description: N., required: false}]"


@pytest.mark.parametrize(
    ("rule", "text", "sources", "case"),
    [
        ("INPUT_UNUSED", manifest(NOTE), {}, CASE),
        ("INPUT_UNUSED", manifest("[{name: decisions, type: object, description: D., required: false}]"), {}, CASE),
        ("SOURCE_UNUSED", None, {"left": "x"}, CASE),
        ("PARTIAL_UNUSED", manifest(more="partials: [p.j2]\n"), {}, CASE),
        ("SOURCE_SECRET", None, {"body": "AKIAABCDEFGHIJKLMNOP `[[= incident.name =]]`"}, CASE),
        ("SOURCE_HIDDEN_CHARACTER", None, {"body": "a\u202eb"}, CASE),
        ("CASE_MISSING", None, {}, None),
        ("CASE_APPLIES", manifest(more="applies: is_assessed\n"), {}, CASE),
        ("CASE_RENDER", None, {"body": "[[= incident.state =]]"}, CASE),
        ("CASE_RENDER", None, {"body": "mail ops@example.org"}, CASE),
    ],
)
def test_lint_finds_what_loading_lets_pass(tmp_path: Path, rule: str, text: str | None, sources: dict[str, str], case: str | None) -> None:
    small = folder(tmp_path, text, **sources)
    (tmp_path / "_partials").mkdir()
    (tmp_path / "_partials" / "p.j2").write_text("One.\n")
    if case is None:
        shutil.rmtree(small / "cases")
    assert rule in set(rules(tmp_path))


def test_lint_finds_nothing_in_a_sound_template(tmp_path: Path) -> None:
    folder(tmp_path, manifest(NOTE), body='[[% if inputs.note is known %]]\n[[= data("note", inputs.note) =]]\n[[% endif %]]\nText.\n')
    assert rules(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("description: One.\nfacts: gone\n", 2, "is no incident"),
        ("description: One.\nfacts: {}\n", 2, "lacks incident"),
        ("description: One.\nfacts: {incident: x}\ninputs: [a]\n", 3, "must be a mapping"),
        (CASE + "  intake: {version: 1}\n", 4, "lacks title"),
        (CASE + "  intake: {version: one, title: a, summary: a, state: open, opened_at: 2026-01-01T00:00:00Z}\n", 4, "is no int"),
        (CASE + "  intake: {version: 1, title: a, summary: a, state: ajar, opened_at: 2026-01-01T00:00:00Z}\n", 4, "one of open"),
        (CASE + "  intake: {version: 1, title: a, summary: a, state: open, opened_at: noon}\n", 4, "time such as"),
        (CASE + "applies: perhaps\n", 4, "must be true or false"),
    ],
)
def test_a_fault_of_a_case_is_told_with_its_line(text: str, line: int, says: str) -> None:
    with pytest.raises(TemplateInvalid, match=says) as found:
        case_from(text, "one.yaml")
    assert (found.value.rule, found.value.line) == ("CASE_INVALID", line)


@pytest.mark.parametrize(
    ("condition", "on", "holds"),
    [
        ("severity <= 2", facts(), True),
        ("severity == 1", facts(assessment=None, decisions=()), True),
        ("is_assessed", facts(assessment=None), False),
        ('"checkout" in components && "payments" in teams', facts(), True),
        ('recent_change == "unknown"', IncidentFacts("incidents/1"), True),
        ('data_loss == "no" && recent_change == "yes"', facts(), True),
        ("displaced_count == 1 && decision_count == 1", facts(), True),
        ("post_mortem_due", facts(assessment=assessment_fact(1, Severity.SEV3)), False),
        ('state == "acknowledged" && alert_count > 0', facts(incident=incident_fact(alert_count=3)), True),
        ("components[9] == 'x'", facts(), False),
        ("decision_count == 2", facts(decisions=(decision_fact(1, "a"), decision_fact(2, "b"))), True),
    ],
)
def test_a_template_applies_when_its_condition_holds(condition: str, on: IncidentFacts, holds: bool) -> None:
    assert applies(condition_of(condition), on) is holds


def test_a_template_without_a_condition_applies_to_every_incident() -> None:
    assert applies(None, IncidentFacts("incidents/1"))


LIMITED = manifest(
    "\n  - {name: who, type: string, description: W., required: false, max_length: 5}\n"
    "  - {name: files, type: list, description: F., required: false, max_items: 2, max_length: 3, default: a}\n"
    "  - {name: share, type: number, description: S., required: false, default: '5', minimum: 1, maximum: 50}\n"
    "  - {name: kind, type: choice, description: K., required: false, default: b, choices: [a, b]}"
)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"who": "abcdef"}, "has 6 characters, at most 5"),
        ({"files": "a\nb\nc"}, "has 3 items, at most 2"),
        ({"files": "abcd"}, "has 4 characters, at most 3"),
        ({"share": "51"}, "from 1 to 50"),
        ({"share": "nan"}, "from 1 to 50"),
        ({"kind": "c"}, "one of a, b"),
    ],
)
def test_an_input_beyond_its_limits_is_refused(given: dict[str, str], says: str) -> None:
    with pytest.raises(InputRefused, match=says):
        inputs_of(read(LIMITED), given)


def test_a_default_stands_in_for_what_is_not_given() -> None:
    values = inputs_of(read(LIMITED), {"who": " "})
    assert (values["who"], values["share"], values["kind"]) == (None, "5", "b")


def test_a_target_without_files_is_refused(tmp_path: Path) -> None:
    folder(tmp_path, manifest(more="targets: [plain]\n"))
    with pytest.raises(RenderRefused) as found:
        render(compiled(tmp_path), facts(), {}, None, Order(Target.CLAUDE_CODE))
    assert found.value.rule == "TARGET_UNKNOWN"


def test_each_target_has_its_own_digest_and_points_to_its_own_pages(tmp_path: Path) -> None:
    folder(tmp_path, body="[[= target.name =]] `[[= target.facts_page =]]` `[[= target.procedure_page =]]`\n")
    made = [render(compiled(tmp_path), facts(), {}, None, Order(target)) for target in Target]
    assert len({each.provenance.inputs_digest for each in made}) == 3
    assert [each.files[0].content.splitlines()[-1] for each in made] == [
        "claude-code `CLAUDE.md` `.claude/skills/small/SKILL.md`",
        "agents-md `AGENTS.md` `playbooks/small.md`",
        "plain `PLAYBOOK.md` `PLAYBOOK.md`",
    ]


def test_a_form_says_that_it_is_to_be_filled_in(tmp_path: Path) -> None:
    folder(tmp_path, manifest(files="files:\n  - {source: body.j2, path: FORM.md, form: true}\n  - {source: body.j2, path: NOTES.md}\n"))
    form, notes = render(compiled(tmp_path), facts(), {}, None).files
    assert "Fill it in" in form.content
    assert "Do not edit" in notes.content
