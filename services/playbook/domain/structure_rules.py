"""Lint rules on how the files of a bundle are built and hang together."""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

import yaml

from services.playbook.domain.finding import Files, Finding
from services.playbook.domain.manifest import is_bundle_path
from services.playbook.domain.markdown import prose_of
from services.playbook.domain.text_rules import IMPORT_LINE
from services.playbook.domain.yaml_tree import tree_of

LONGEST_DESCRIPTION = 1536
MOST_HOPS = 4
_SKILL_KEYS = {"name", "description", "license", "compatibility", "metadata", "allowed-tools"}
_AGENT_KEYS = {"name", "description", "tools"}
_READ_ONLY = {"Read", "Grep", "Glob"}
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")
_FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---(?:\n|\Z)", re.DOTALL)
_SETTINGS_KEYS = {"$schema", "permissions", "hooks"}
_PERMISSION_LISTS = ("deny", "ask", "allow")
_PERMISSION_KEYS = {*_PERMISSION_LISTS, "disableBypassPermissionsMode"}
_PERMISSION = re.compile(r"[A-Z][A-Za-z]+(?:\([^\n]+\))?|mcp__[A-Za-z0-9_*-]+")


def path_unsafe(files: Files) -> Iterator[Finding]:
    """Every path stays inside the bundle: relative, forward slashes, never upwards."""
    for path in files:
        if not is_bundle_path(path):
            yield Finding(path, 0, "is not a path within the bundle")


def front_matter_invalid(files: Files) -> Iterator[Finding]:
    """A skill or agent opens with front matter of allowed keys only; its description has 1 to 1,536 characters, its name fits its path."""
    for path, text in files.items():
        allowed = _SKILL_KEYS if _is_skill(path) else _AGENT_KEYS if _is_agent(path) else None
        if allowed is None:
            continue
        found = _front_matter(text)
        if found is None:
            yield Finding(path, 1, "does not open with front matter that is a YAML mapping")
            continue
        for key in sorted(set(map(str, found)) - allowed):
            yield Finding(path, 1, f"has the front matter key {key}; allowed are " + ", ".join(sorted(allowed)))
        if len(str(found.get("description", "")).strip()) not in range(1, LONGEST_DESCRIPTION + 1):
            yield Finding(path, 1, f"has a description that is empty or longer than {LONGEST_DESCRIPTION} characters, where it is cut")
        expected = PurePosixPath(path).parent.name if _is_skill(path) else PurePosixPath(path).stem
        if found.get("name") != expected or not _NAME.fullmatch(expected):
            yield Finding(path, 1, f"must have the name {expected}, as its path says, of lower-case letters, digits and hyphens")


def agent_incomplete(files: Files) -> Iterator[Finding]:
    """An agent has a name and a description: without either it is silently skipped."""
    for path, text in files.items():
        found = _front_matter(text) or {}
        for key in ("name", "description"):
            if _is_agent(path) and not str(found.get(key) or "").strip():
                yield Finding(path, 1, f"has no {key}, so that the agent is silently skipped")


def agent_writes(files: Files) -> Iterator[Finding]:
    """An agent names its tools, and they only read: without the key it would inherit every tool there is."""
    for path, text in files.items():
        if not _is_agent(path):
            continue
        tools = str((_front_matter(text) or {}).get("tools") or "")
        given = {tool.strip() for tool in tools.split(",") if tool.strip()}
        if not given or given - _READ_ONLY:
            yield Finding(path, 1, "must have tools of " + ", ".join(sorted(_READ_ONLY)) + " and no other")


def settings_invalid(files: Files) -> Iterator[Finding]:
    """settings.json is JSON in the shape Claude Code reads: known keys, permission rules in lists, hooks with matcher and command."""
    for path, text in files.items():
        if path.endswith("settings.json"):
            settings = _json(text)
            faults = _settings_faults(settings) if isinstance(settings, dict) else iter(("is not a JSON object",))
            yield from (Finding(path, 0, fault) for fault in faults)


def settings_contradiction(files: Files) -> Iterator[Finding]:
    """No permission rule stands in two lists of settings.json: what holds would then depend on who reads it."""
    for path, text in files.items():
        settings = _json(text) if path.endswith("settings.json") else None
        permissions = settings.get("permissions") if isinstance(settings, dict) else None
        lists = [permissions.get(name) or [] for name in _PERMISSION_LISTS] if isinstance(permissions, dict) else []
        rules = [rule for rules in lists for rule in rules if isinstance(rules, list)]
        yield from (Finding(path, 0, f"has {rule} twice in its permissions") for rule in sorted(map(str, rules)) if rules.count(rule) > 1)


def import_unresolved(files: Files) -> Iterator[Finding]:
    """Every import names a file of the bundle."""
    for path in files:
        for target, line in _imports(files, path):
            if target not in files:
                yield Finding(path, line, f"imports {target}, which is not in the bundle")


def import_cycle(files: Files) -> Iterator[Finding]:
    """No file imports itself, directly or through others."""
    for path in files:
        if any(chain[-1] == path for chain in _chains(files, (path,))):
            yield Finding(path, 0, "imports itself, directly or through others")


def import_too_deep(files: Files) -> Iterator[Finding]:
    """Imports reach at most four hops: what lies beyond is not read."""
    for path in files:
        if any(len(chain) - 1 > MOST_HOPS for chain in _chains(files, (path,))):
            yield Finding(path, 0, f"has imports that reach more than {MOST_HOPS} hops")


def _chains(files: Files, chain: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yields every chain of imports that begins with `chain`, up to one hop too many or the first file met again."""
    for target, _ in _imports(files, chain[-1]):
        longer = (*chain, target)
        yield longer
        if target in files and target not in chain and len(longer) - 1 <= MOST_HOPS:
            yield from _chains(files, longer)


def _imports(files: Files, path: str) -> Iterator[tuple[str, int]]:
    if not path.endswith(".md") or "@" not in files[path]:
        return
    for line in prose_of(files[path]):
        if found := IMPORT_LINE.fullmatch(line.text):
            yield str(PurePosixPath(path).parent / found[1]).removeprefix("./"), line.number


def _is_skill(path: str) -> bool:
    return PurePosixPath(path).name == "SKILL.md"


def _is_agent(path: str) -> bool:
    return path.startswith(".claude/agents/")


def _front_matter(text: str) -> dict[str, Any] | None:
    opened = _FRONT_MATTER.match(text)
    return _mapping(opened[1]) if opened else None


@lru_cache(maxsize=32)  # the front matter of a template's files is the same in every bundle
def _mapping(text: str) -> dict[str, Any] | None:
    try:
        tree_of(text, "")  # refuses aliases, which can stand for a billion values, and what is nested too deep
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):  # TemplateInvalid is one, and so is a date that is none
        return None
    return found if isinstance(found, dict) else None


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _settings_faults(settings: dict[str, Any]) -> Iterator[str]:
    yield from (f"has the unknown key {key}" for key in sorted(set(settings) - _SETTINGS_KEYS))
    permissions = settings.get("permissions", {})
    if not isinstance(permissions, dict):
        yield "has permissions that are not an object"
        return
    yield from (f"has the unknown key permissions.{key}" for key in sorted(set(permissions) - _PERMISSION_KEYS))
    for name in _PERMISSION_LISTS:
        rules = permissions.get(name, [])
        if not isinstance(rules, list):
            yield f"has permissions.{name} that is not a list"
        else:
            yield from (
                f"has the malformed rule {rule!r}" for rule in rules if not isinstance(rule, str) or not _PERMISSION.fullmatch(rule)
            )
    yield from _hook_faults(settings.get("hooks", {}))


def _hook_faults(hooks: object) -> Iterator[str]:
    if not isinstance(hooks, dict):
        yield "has hooks that are not an object"
        return
    for event, groups in hooks.items():
        for group in groups if isinstance(groups, list) else [None]:
            commands = group.get("hooks") if isinstance(group, dict) else None
            if not isinstance(commands, list) or not all(_is_command_hook(command) for command in commands):
                yield f"has a hook under {event} that is not {{matcher, hooks: [{{type: command, command}}]}}"


def _is_command_hook(hook: object) -> bool:
    return isinstance(hook, dict) and hook.get("type") == "command" and isinstance(hook.get("command"), str)
