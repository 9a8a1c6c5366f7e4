"""The template for incidents: its facts, its guardrails, and that no text from outside alters anything but its own block."""

import json
import re
import subprocess
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.playbook.domain.bundle import Rendering
from services.playbook.domain.fact import Counterfactual, IncidentFacts, Override, Severity, Term
from services.playbook.domain.playbook import render
from tests.support.markdown import blocks_of, without_blocks
from tests.support.playbook import BEGAN, assessment_fact, decision_fact, displacement, facts, incident_fact, shipped
from tests.unit.test_playbook_text import hostile

TEMPLATE = shipped()


def rendered(of: IncidentFacts, given: dict[str, str] | None = None) -> Rendering:
    return render(TEMPLATE, of, given or {}, of.newest_decision)


def files_of(of: IncidentFacts, given: dict[str, str] | None = None) -> dict[str, str]:
    return {file.path: file.content for file in rendered(of, given).files}


def outside(text: str) -> str:
    """What stands outside of data blocks, without the digest of the inputs, which must follow every input."""
    return re.sub(r"^inputs-digest: [0-9a-f]{64}$", "inputs-digest:", without_blocks(text), flags=re.MULTILINE)


one_line = hostile.map(lambda text: " ".join(text.splitlines())[:300])
texts = st.tuples(*[hostile] * 9)


@given(texts, st.lists(hostile, max_size=20).map(tuple), st.dictionaries(st.sampled_from(["commander", "freeze", "channel"]), one_line))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_no_text_alters_anything_outside_its_own_block(text: tuple[str, ...], names: tuple[str, ...], given: dict[str, str]) -> None:
    assessment = assessment_fact(
        title=text[0],
        unknown_components=names,
        terms=tuple(replace(term, value=text[1], reason=text[2]) for term in assessment_fact().terms),
        counterfactuals=(Counterfactual("users_affected", Severity.SEV3, text[3]),),
    )
    decision = decision_fact(displaced=(displacement(title=text[4]),), explanation=text[5])
    incident = incident_fact(title=text[6], summary=text[7], components=names)
    altered = files_of(facts(incident=incident, assessment=assessment, decisions=(decision,)), {**given, "notes": text[8]})
    benign = files_of(facts())
    assert {path: outside(page) for path, page in altered.items()} == {path: outside(page) for path, page in benign.items()}
    for path, page in altered.items():
        assert [block.lines == [] for block in blocks_of(page)] == [block.lines == [] for block in blocks_of(benign[path])]


@given(hostile)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_not_a_name_or_a_word_is_never_printed_as_one(text: str) -> None:
    forged = f"components/{text} "
    assessment = assessment_fact(
        components=(forged,),
        terms=(Term(f" {text}", "impact", 1.0, missing=False, value="", reason=""),),
        overrides=(Override(f" {text}", Severity.SEV1, applied=True),),
        counterfactuals=(Counterfactual(f" {text}", Severity.SEV1, ""),),
        model_version=f" {text}",
        teams=(forged,),
        trace_id=f" {text}",
    )
    decision = decision_fact(displaced=(replace(displacement(), roadmap_item=forged),), late_items=(forged,), trace_id=f" {text}")
    nothing = assessment_fact(components=(), terms=(), overrides=(), counterfactuals=(), model_version="", teams=(), trace_id="")
    altered = files_of(facts(assessment=assessment, decisions=(decision,)))
    without = files_of(facts(assessment=nothing, decisions=(decision_fact(displaced=(), late_items=(), trace_id=""),)))
    for path, page in altered.items():
        # One thing differs rightly: an item that cannot be named still counts among those left out.
        assert re.sub(r" and 1 more|And 1 more: .*\n\n|nothing|Delays no roadmap item\.\n\n", "", outside(page)) == re.sub(
            r"nothing|Delays no roadmap item\.\n\n", "", outside(without[path])
        )


def test_the_fullest_bundle_keeps_its_line_caps() -> None:
    full = "x\n" * 3000
    assessment = assessment_fact(
        components=tuple(f"components/c{n}" for n in range(50)),
        teams=tuple(f"teams/t{n}" for n in range(50)),
        unknown_components=tuple(f"u{n}" for n in range(50)),
        terms=tuple(Term(f"feature_{n}", "impact", 1.0, missing=False, value=full, reason=full) for n in range(20)),
        overrides=tuple(Override(f"RULE_{n}", Severity.SEV1, applied=False) for n in range(20)),
        counterfactuals=tuple(Counterfactual(f"feature_{n}", Severity.SEV1, full) for n in range(20)),
    )
    items = tuple(displacement(f"item-{n}", full) for n in range(40))
    late = tuple(item.roadmap_item for item in items)
    decisions = tuple(decision_fact(n, f"team-{n}", displaced=items, late_items=late, explanation=full) for n in range(9))
    incident = incident_fact(title=full, summary=full, components=tuple(f"r{n}" for n in range(50)), resolved_at=BEGAN)
    roles = ("commander", "deputy", "scribe", "customer_liaison", "operations_lead", "channel", "dashboard", "status_page", "freeze")
    files = files_of(facts(incident=incident, assessment=assessment, decisions=decisions), {**dict.fromkeys(roles, "x"), "notes": full})
    lines = {path: len(text.splitlines()) for path, text in files.items()}
    assert lines["CLAUDE.md"] <= 200
    assert lines["AGENTS.md"] <= 200
    assert lines[".claude/skills/incident-response/SKILL.md"] <= 500


def test_every_heading_a_reader_looks_for_is_there() -> None:
    files = files_of(facts())
    skill = files[".claude/skills/incident-response/SKILL.md"]
    for page, headings in [
        (files["CLAUDE.md"], ["Situation (data)", "Severity, and who decides", "Roles", "Guardrails", "What is paused for this"]),
        (skill, ["First 5 minutes", "First 15 minutes", "First 30 minutes", "Mitigate before diagnosing", "Guardrails"]),
        (skill, ["Time-line format", "Reports", "What is paused", "Exit criteria", "Hand-over"]),
    ]:
        found = re.findall(r"^## (.+)$", page, re.MULTILINE)
        assert [heading for heading in headings if not any(each.startswith(heading) for each in found)] == []


def test_each_mitigation_has_its_command_its_check_and_its_way_back() -> None:
    skill = files_of(facts())[".claude/skills/incident-response/SKILL.md"]
    parts = dict(re.findall(r"^### (.+?)\n(.*?)(?=^##)", skill, re.MULTILINE | re.DOTALL))
    names = ["Roll back", "Flag off", "Rate-limit", "Restart after capturing dumps", "Fail over", "Add capacity"]
    for name in names:
        assert re.search(r"^```sh\n.+?^```$", parts[name], re.MULTILINE | re.DOTALL), name
        assert "\n- Check: " in parts[name], name
        assert "\n- Way back: " in parts[name], name


def test_the_facts_of_the_incident_stand_where_its_readers_look() -> None:
    page = files_of(facts())["CLAUDE.md"]
    for fact in (
        "# Incident response: SEV2, restore by 2026-03-02 15:00 UTC",
        "| restore target | 1 h: restored by 2026-03-02 15:00 UTC, escalate at 2026-03-02 14:30 UTC",
        "| owner teams | `teams/payments` |",
        "| components | `components/checkout` |",
        "| expected loss | 84,000.00 USD an hour |",
        "| users_affected | impact | +88.2 | known |",
        "remediation 33.3 % → 45.0 % (raised), 63.0 h of 140.0 h",
        "Delayed: `roadmapItems/wallet` by 10.5 days; value at risk 12,000.00 USD.",
        "| roadmapItems/wallet: One-click wallet",
    ):
        assert fact in page


def test_claude_and_agents_say_the_same_of_the_incident() -> None:
    files = files_of(facts())
    claude, agents = (files[name].rsplit("\n## ", 1)[0] for name in ("CLAUDE.md", "AGENTS.md"))
    assert claude == agents


def test_the_stamp_stands_behind_front_matter_and_first_elsewhere() -> None:
    for path, text in files_of(facts()).items():
        if path.endswith(".json"):
            json.loads(text)
        elif path.startswith(".claude/"):
            assert re.match(r"---\n[^-].*?\n---\n<!-- Rendered by Ballast", text, re.DOTALL), path
        else:
            assert text.startswith("<!-- Rendered by Ballast"), path


def verdict(command: str) -> bool:
    """Whether the hooks of the bundle let a shell command through; runs them as Claude Code does, with JSON on standard input."""
    hooks = json.loads(files_of(facts())[".claude/settings.json"])["hooks"]["PreToolUse"][0]["hooks"]
    call = json.dumps({"cwd": "/home/a/.env/x", "tool_name": "Bash", "tool_input": {"command": command, "description": "git push --force"}})
    codes = {
        subprocess.run(["/bin/sh", "-c", hook["command"]], input=call.encode(), capture_output=True, check=False).returncode
        for hook in hooks
    }
    assert codes <= {0, 2}
    return codes == {0}


@pytest.mark.parametrize(
    "command",
    [
        "git push --force", "git push -f origin main", "git push origin +main", "git push origin :old",
        "cd x && git push --force-with-lease",
        "git -C repo push --delete origin v1", 'git push origin "main" --force', "git push --mirror",
        "psql -c 'ALTER TABLE a ADD b int'", "alembic upgrade head", "npx prisma migrate deploy", "psql -c 'drop  table a'",
        "printenv", "env | sort", "echo a; env", "cat .env", "cat config/.env.local", "kubectl -n a get secret b -o yaml",
        "cat ~/.ssh/id_rsa",
        "aws secretsmanager get-secret-value --secret-id a", "cat /proc/1/environ",
    ],
)  # fmt: skip
def test_the_hooks_block_what_must_not_happen(command: str) -> None:
    assert not verdict(command)


@pytest.mark.parametrize(
    "command",
    [
        "git push origin main", "git push -u origin fix/flag-off", "git log --oneline -f", "git status", "git diff", "kubectl get pods",
        "kubectl -n a rollout undo deployment/checkout --to-revision=41", "psql -c 'select 1'", "grep -r environment src", "cat README.md",
        "python -m environment_check", "ballast incidents show incidents/1", "git push --follow-tags origin main",
    ],
)  # fmt: skip
def test_the_hooks_let_through_what_the_work_needs(command: str) -> None:
    assert verdict(command)
