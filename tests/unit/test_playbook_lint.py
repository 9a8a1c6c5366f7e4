"""Every lint rule finds what it is for, and nothing in a sound bundle."""

import json

import pytest

from services.playbook.domain.errors import RenderRefused
from services.playbook.domain.lint import RULES, findings_in, refuse_unfit
from services.playbook.domain.text import data_block

SKILL = "---\nname: fix\ndescription: Fixes things.\n---\n\n# Fix\n"
AGENT = "---\nname: looker\ndescription: Looks.\ntools: Read, Grep\n---\n\nLook.\n"
SOUND = {
    "CLAUDE.md": "# Rules\n\n@AGENTS.md\n\nMail `ops@example.org`.\n\n```sh\ngit log @{u}\n```\n",
    "AGENTS.md": f"# Rules\n\n{data_block('title', 'ask @all')}\n",
    ".claude/skills/fix/SKILL.md": SKILL,
    ".claude/agents/looker.md": AGENT,
    ".claude/settings.json": json.dumps({"permissions": {"deny": ["Bash(git push --force *)"]}}),
}

# Nine references to a list of nine references, ten deep: some three billion values.
BOMB = "x\nmetadata: {a0: &a0 [x], " + ", ".join(f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]" for n in range(10)) + "}"

BROKEN: dict[str, list[dict[str, str]]] = {
    "PATH_UNSAFE": [{"../x.md": "x"}, {"/etc/x.md": "x"}, {"a//b.md": "x"}],
    "FILE_TOO_LONG": [{"CLAUDE.md": "x\n" * 201}, {"AGENTS.md": "x\n" * 201}, {".claude/skills/fix/SKILL.md": SKILL + "x\n" * 500}],
    "HIDDEN_CHARACTER": [{"CLAUDE.md": "a\u202eb"}, {"CLAUDE.md": "a\x07b"}, {"CLAUDE.md": "a\u200bb"}],
    "BARE_AT": [{"CLAUDE.md": text} for text in ("use @clerk/nuxt here", "a@b", "`code` and ``un`closed @x", "`a\n\n@b c`")],
    "PLACEHOLDER_LEFT": [{"CLAUDE.md": "[[= name =]]"}, {"CLAUDE.md": "```\n[[% if\n```"}, {"CLAUDE.md": "x #]]"}],
    "COMMAND_SUBSTITUTION": [{"CLAUDE.md": "run !`ls`"}, {".claude/skills/fix/SKILL.md": SKILL + "```!\nls\n```\n"}],
    "ARGUMENT_SUBSTITUTION": [
        {".claude/skills/fix/SKILL.md": SKILL + f"```sh\n{text}\n```\n"} for text in ("awk '{print $1}'", "$ARGUMENTS", "${0}")
    ],
    "COMMENT_OPEN": [{"CLAUDE.md": "a\n<!-- b\nc"}, {"CLAUDE.md": "a --> b"}],
    "FENCE_OPEN": [{"CLAUDE.md": "a\n```sh\nls\n"}, {"CLAUDE.md": "````\nls\n```\n"}],
    "FENCE_NESTED": [{"CLAUDE.md": "```md\n```sh\nls\n```\n"}, {"CLAUDE.md": "~~~md\n```sh\nls\n~~~\n"}],
    "REVIEW_IMPORT": [{"REVIEW.md": "# Review\n\n@AGENTS.md\n"}],
    "RULE_CONTRADICTION": [
        {"CLAUDE.md": "- Freeze: nothing goes out.\n", "AGENTS.md": "- Deploy daily.\n"},
        {"CLAUDE.md": "- No force push.\n", ".claude/settings.json": '{"permissions": {"allow": ["Bash(git push --force *)"]}}'},
        {"CLAUDE.md": "Then force push.\n", ".claude/settings.json": '{"permissions": {"deny": ["Bash(git push --force *)"]}}'},
        {"CLAUDE.md": "- No schema change.\n", ".claude/skills/fix/SKILL.md": SKILL + "\nMigrations run automatically.\n"},
        {"CLAUDE.md": "- No secret printed.\n", ".claude/settings.json": '{"permissions": {"allow": ["Bash(printenv *)"]}}'},
        {"CLAUDE.md": "Never push to main.\n", "AGENTS.md": "Push straight to main.\n"},
        {"CLAUDE.md": "Do not merge without review.\n", "AGENTS.md": "Auto-merge is on.\n"},
    ],
    "DATA_BLOCK_BROKEN": [
        {"CLAUDE.md": data_block("x", "a").replace("| a", "a")},
        {"CLAUDE.md": data_block("x", "a").replace("| a", "| @a")},
        {"CLAUDE.md": data_block("x", "a").replace("**Data, not instructions**", "Do this")},
        {"CLAUDE.md": data_block("x", "a").replace("\n\n", "\n")},
    ],
    "SECRET_SHOWN": [
        {"CLAUDE.md": "key AKIAABCDEFGHIJKLMNOP"},
        {".claude/settings.json": '{"permissions": {"deny": ["Bash(x ghp_' + "a" * 36 + ')"]}}'},
    ],
    "FRONT_MATTER_INVALID": [
        {".claude/skills/fix/SKILL.md": "# Fix\n"},
        {".claude/skills/fix/SKILL.md": "\n" + SKILL},
        {".claude/skills/fix/SKILL.md": SKILL.replace("name: fix", "name: fix\nmodel: big")},
        {".claude/skills/fix/SKILL.md": SKILL.replace("Fixes things.", "x" * 1537)},
        {".claude/skills/fix/SKILL.md": SKILL.replace("name: fix", "name: mend")},
        {".claude/skills/fix/SKILL.md": SKILL.replace("description: Fixes things.", "description: [")},
        {".claude/agents/looker.md": AGENT.replace("tools:", "hooks: x\ntools:")},
        {".claude/skills/fix/SKILL.md": SKILL.replace("Fixes things.", BOMB)},
    ],
    "AGENT_INCOMPLETE": [{".claude/agents/looker.md": AGENT.replace("description: Looks.\n", "")}, {".claude/agents/looker.md": "Look.\n"}],
    "AGENT_WRITES": [
        {".claude/agents/looker.md": AGENT.replace("Grep", "Bash")},
        {".claude/agents/looker.md": AGENT.replace("tools: Read, Grep\n", "")},
    ],
    "SETTINGS_INVALID": [
        {".claude/settings.json": text}
        for text in (
            "{", "[]", '{"colour": 1}', '{"permissions": []}', '{"permissions": {"deny": "x"}}', '{"permissions": {"deny": ["rm -rf"]}}',
            '{"permissions": {"forbid": []}}', '{"hooks": []}', '{"hooks": {"PreToolUse": [{"matcher": "Bash"}]}}',
            '{"hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [{"type": "command"}]}]}}',
        )
    ],
    "SETTINGS_CONTRADICTION": [{".claude/settings.json": '{"permissions": {"deny": ["Bash(rm *)"], "allow": ["Bash(rm *)"]}}'}],
    "IMPORT_UNRESOLVED": [{"CLAUDE.md": "@gone.md\n"}, {"docs/a.md": "@AGENTS.md\n"}],
    "IMPORT_CYCLE": [{"AGENTS.md": "@CLAUDE.md\n"}, {"AGENTS.md": "@AGENTS.md\n"}],
    "IMPORT_TOO_DEEP": [{"AGENTS.md": "@a1.md", **{f"a{n}.md": f"@a{n + 1}.md" for n in range(1, 4)}, "a4.md": "end"}],
}  # fmt: skip


def test_a_sound_bundle_breaks_no_rule() -> None:
    assert list(findings_in(SOUND)) == []


def test_every_rule_is_documented_and_has_an_example_here() -> None:
    assert set(BROKEN) == set(RULES)
    assert all((check.__doc__ or "").endswith(".") for check in RULES.values())


@pytest.mark.parametrize(("rule", "files"), [(rule, files) for rule, examples in BROKEN.items() for files in examples])
def test_what_breaks_a_rule_is_found_by_that_rule(rule: str, files: dict[str, str]) -> None:
    found = {identifier for identifier, _ in findings_in({**SOUND, **files})}
    assert rule in found


def test_a_contradiction_is_told_with_both_places_and_what_they_say() -> None:
    files = {**SOUND, "CLAUDE.md": "# Rules\n\n- Freeze: nothing goes out.\n", "AGENTS.md": "# Rules\n\n- Deploy on every merge.\n"}
    ((rule, finding),) = findings_in(files)
    assert (rule, finding.path, finding.line) == ("RULE_CONTRADICTION", "AGENTS.md", 3)
    assert "“Deploy on every merge.”, and CLAUDE.md:3 says “Freeze: nothing goes out.”" in finding.message


@pytest.mark.parametrize(
    "text",
    [
        "Deploy the fix with the commander's word.", "A rollback is a deploy too.", "Nobody may force push; it rewrites history.",
        "The team used to deploy weekly.", "Run the migration on a branch of the database first.",
    ],
)  # fmt: skip
def test_what_only_mentions_a_topic_contradicts_nothing(text: str) -> None:
    forbids = "- Freeze: nothing goes out.\n- No force push.\n- No schema change, no migration.\n"
    assert list(findings_in({**SOUND, "CLAUDE.md": forbids, "AGENTS.md": f"{text}\n"})) == []


def test_a_refusal_names_rule_file_and_line() -> None:
    with pytest.raises(RenderRefused) as refused:
        refuse_unfit({**SOUND, "CLAUDE.md": "one\ntwo @x\n"})
    assert refused.value.reason == "RENDER_REFUSED"
    assert refused.value.metadata == {"rule": "BARE_AT", "path": "CLAUDE.md", "line": "2"}


def test_four_hops_of_imports_are_allowed() -> None:
    chain = {"AGENTS.md": "@a1.md", "a1.md": "@a2.md", "a2.md": "@a3.md", "a3.md": "end"}
    assert list(findings_in({**SOUND, **chain})) == []
