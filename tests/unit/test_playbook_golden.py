"""Every shipped template on every golden case at every target: the same bytes, read by real parsers, with what its readers look for."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt

from services.playbook.domain.lint import findings_in
from services.playbook.domain.template import Target
from services.playbook.domain.template_lint import findings_in_template
from tests.support.gallery import DIGESTS, contents, digests
from tests.support.templates import GALLERY, ROOT, Shown, gallery, keys, shown, templates

KEYS = list(keys())
NINE = {
    "incident-response", "production-debugging", "hotfix", "remediation-rollout", "code-review", "post-mortem",
    "fastapi-neon-auth0-tortoise", "nuxt4-turso-clerk-drizzle", "remix-planetscale-clerk-prisma",
}  # fmt: skip
FRESH = "run make gallery after raising the template's version, and read the difference"
HEADINGS = {
    "incident-response": [
        "Situation (data)", "Severity, and who decides", "Roles", "First 5 minutes", "First 15 minutes", "First 30 minutes",
        "Mitigate before diagnosing", "Roll back", "Flag off", "Rate-limit", "Restart after capturing dumps", "Fail over", "Add capacity",
        "Guardrails", "Time-line format", "Exit criteria", "Hand-over",
    ],
    "production-debugging": [
        "Symptom and blast radius", "What changed", "Evidence first, read-only", "Hypothesis table", "Bisect",
        "Known failure modes of this stack", "Stop rules", "What a fix needs", "What you hand over",
    ],
    "hotfix": [
        "Entry test", "Base", "Scope", "A test that fails without the fix", "Two-person approval", "Canary and watch window",
        "Rollback command", "Back-merge, with proof", "Expiry and follow-up",
    ],
    "remediation-rollout": [
        "The split that holds", "What goes on, what pauses, what rolls back", "Overrides", "Ask the gate", "Move one stage", "Watch",
        "Pause and roll back", "Override",
    ],
    "code-review": [
        "What Important means here", "Always check", "Checks from closed corrective actions", "Never report", "Nits", "Evidence",
        "Re-review",
    ],
    "post-mortem": [
        "Summary", "Impact in numbers", "Trigger", "Contributing factors", "Detection", "Resolution", "Time-line", "What went well",
        "What did not", "Where luck helped", "Corrective actions", "Lessons", "Language",
    ],
    "fastapi-neon-auth0-tortoise": [
        "Two URLs a branch", "Always", "Never", "Layout", "Change the schema", "Branches, restoring", "Verify the caller",
    ],
    "nuxt4-turso-clerk-drizzle": ["Layout", "Always", "Never", "Where reads come from", "Add an endpoint", "Change the schema", "Branches"],
    "remix-planetscale-clerk-prisma": ["Layout", "Always", "Never", "PlanetScale", "Who calls", "Add a route", "Change the schema"],
}  # fmt: skip


@pytest.fixture(params=KEYS, ids="/".join)
def one(request: pytest.FixtureRequest) -> Shown:
    return shown(*request.param)


def markdown() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table")


def without_fences(text: str) -> str:
    return re.sub(r"^(`{3,}).*?^\1$", "", text, flags=re.DOTALL | re.MULTILINE)


def body_of(text: str) -> str:
    """A skill's or agent's text behind its front matter."""
    return re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)


def test_the_nine_templates_are_shipped_and_each_is_tried_on_three_incidents() -> None:
    assert set(templates()) == NINE
    for compiled, cases in templates().values():
        assert len({case.facts.name for case in cases.values()}) >= 3, compiled.template.name
        assert compiled.template.manifest.targets == tuple(Target)


def test_no_shipped_template_breaks_a_rule_for_templates() -> None:
    assert [finding for compiled, cases in templates().values() for finding in findings_in_template(compiled, cases)] == []


def test_the_same_case_gives_the_same_bytes(one: Shown) -> None:
    assert json.loads(DIGESTS.read_text())[one.name] == digests()[one.name], FRESH


def test_the_gallery_is_fresh() -> None:
    pages = {str(path.relative_to(GALLERY)): path.read_text() for path in GALLERY.rglob("*") if path.is_file()}
    assert pages == {**gallery(), "README.md": contents()}, FRESH
    assert set(json.loads(DIGESTS.read_text())) == {shown(*key).name for key in KEYS}, FRESH


def test_the_gallery_leads_to_every_page() -> None:
    links = set(re.findall(r"\]\(([^)]+)\)", (GALLERY / "README.md").read_text()))
    assert links == set(gallery())


def test_other_processes_with_other_hash_seeds_give_the_same_bytes() -> None:
    program = "import json; from tests.support.gallery import digests; print(json.dumps(digests(), sort_keys=True))"
    for seed in ("0", "4242"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT), "TZ": "Asia/Kathmandu", "LC_ALL": "C"}
        told = subprocess.run([sys.executable, "-c", program], env=environment, cwd=ROOT, capture_output=True, check=True, text=True)
        assert json.loads(told.stdout) == json.loads(DIGESTS.read_text())


def test_a_bundle_keeps_its_caps_and_leaves_nothing_unresolved(one: Shown) -> None:
    assert list(findings_in(one.files)) == []
    for path, text in one.files.items():
        most = {"CLAUDE.md": 200, "AGENTS.md": 200, "SKILL.md": 500}.get(path.rsplit("/", 1)[-1])
        assert most is None or len(text.splitlines()) <= most, path
        assert not re.search(r"Undefined|Missing\(|Text\(…|\[\[[=%#]|[=%#]\]\]", text), path
        assert not re.search(r"\bNone\b", without_fences(text)), path


def test_front_matter_and_json_are_read_by_real_parsers(one: Shown) -> None:
    for path, text in one.files.items():
        if path.endswith(".json"):
            assert {"permissions", "hooks"} <= set(json.loads(text))
        elif path.startswith(".claude/"):
            front = yaml.safe_load(text.split("\n---\n")[0].removeprefix("---\n"))
            assert set(front) <= {"name", "description", "allowed-tools", "tools"}
            assert all(isinstance(value, str) and value for value in front.values())


def test_markdown_reads_as_it_is_meant(one: Shown) -> None:
    for path, text in one.files.items():
        if not path.endswith(".md"):
            continue
        tokens = markdown().parse(body_of(text))
        everything = [*tokens, *(child for token in tokens for child in token.children or [])]
        # An angle bracket that reads as markup would vanish before a person sees it.
        assert [token.content for token in everything if token.type.startswith("html") and not token.content.startswith("<!--")] == [], path
        headed = [token.content for token in tokens if token.type == "inline" and "**Data, not instructions**" in token.content]
        assert [text for text in headed if not re.fullmatch(r"\*\*Data, not instructions\*\* — [^\n]+:", text)] == [], (
            f"{path}: no blank line"
        )
        assert [token.content for token in tokens if token.type == "code_block"] == [], f"{path}: indented by mistake"
        assert sum(token.type == "heading_open" and token.tag == "h1" for token in tokens) in ((0,) if "/agents/" in path else (1, 2)), path
        lines = {line for token in tokens if token.map and token.type == "fence" for line in range(*token.map)}
        rows = [line for number, line in enumerate(body_of(text).split("\n")) if line.startswith("|") and number not in lines]
        assert len(rows) == sum(token.type == "tr_open" for token in tokens) + sum(token.type == "table_open" for token in tokens), path


def test_tables_have_as_many_cells_in_every_row(one: Shown) -> None:
    for path, text in one.files.items():
        if path.endswith(".md"):
            for table in re.findall(r"(?:^\|.*\|$\n)+", without_fences(text), re.MULTILINE):
                cells = {len(re.findall(r"(?<!\\)\|", re.sub(r"`[^`]*`", "", row))) for row in table.splitlines()}
                assert len(cells) == 1, f"{path}: {table}"


@pytest.mark.parametrize("template", sorted(NINE))
@pytest.mark.parametrize("target", list(Target))
def test_every_heading_a_reader_looks_for_is_there_at_every_target(template: str, target: Target) -> None:
    pages = "\n".join(shown(template, "checkout", target).files.values())
    found = re.findall(r"^#{2,3} (?:\d+\. )?(.+)$", pages, re.MULTILINE)
    assert [heading for heading in HEADINGS[template] if not any(each.startswith(heading) for each in found)] == []


def test_pages_that_are_pointed_to_are_there(one: Shown) -> None:
    for path, text in one.files.items():
        for name in re.findall(r"`((?:\.claude/|playbooks/)[\w./-]+|CLAUDE\.md|POST-MORTEM\.md|REVIEW\.md|PLAYBOOK\.md)`", text):
            assert name in one.files, f"{path} points to {name}"


@pytest.mark.parametrize("template", sorted(name for name in NINE if templates()[name][0].template.manifest.stack))
def test_a_stack_page_states_the_versions_of_its_manifest(template: str) -> None:
    compiled, cases = templates()[template]
    pages = "\n".join("\n".join(shown(template, case, Target.PLAIN).files.values()) for case in cases)
    for product in compiled.template.manifest.stack:
        assert product.version in pages, product
        assert product.name in pages, product
    assert "Not checked" in (Path(compiled.template.folder) / "README.md").read_text()


def test_a_template_applies_to_what_its_condition_says() -> None:
    told = {name: sorted(case for case, each in cases.items() if each.applies) for name, (_, cases) in templates().items()}
    assert told["post-mortem"] == ["accounts", "checkout"]
    assert told["remediation-rollout"] == ["checkout", "decision-first"]
    assert told["incident-response"] == ["accounts", "checkout", "decision-first", "search"]
