"""Finds layers of a bundle that say the opposite of each other: pages against pages, and pages against the settings that enforce them.

How: a table of topics. For each it lists wordings that forbid, wordings that ask for it as a matter of course, and shell commands that do
it. Two statements contradict when one page forbids what another asks for, when settings allow a command that a page forbids, or deny one
that a page asks for. It reads wordings, not meanings: what the table does not list is not found, and what it lists is told with both
places, so that a person can judge. Steps that somebody has to release ("with the commander's word") are no such wordings.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from services.playbook.domain.finding import Files, Finding
from services.playbook.domain.markdown import prose_of


@dataclass(frozen=True, slots=True)
class Topic:
    """What may be forbidden in one layer and asked for in another."""

    name: str
    stems: tuple[str, ...]  # one of them stands in each line that matters: looking for plain text costs next to nothing
    forbids: re.Pattern[str]
    asks: re.Pattern[str]
    command: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Statement:
    """A line, or a permission rule, that takes a stand."""

    path: str
    line: int
    text: str


def _topic(name: str, stems: tuple[str, ...], forbids: str, asks: str, command: str) -> Topic:
    return Topic(name, stems, re.compile(forbids, re.IGNORECASE), re.compile(asks, re.IGNORECASE), re.compile(command))


_OFTEN = r"(?:daily|every (?:day|hour|merge|commit|change)|each (?:day|merge|commit)|continuously|on (?:every|each) (?:merge|commit|push))"
TOPICS = (
    _topic(
        "deploying",
        ("deploy", "release", "freeze", "ship"),
        r"^\W*(?:freeze\b.*\bin force|freeze: nothing|no deploys?\b|(?:do not|don't|never) (?:deploy|release)\b)"
        r"|\bdeploys? (?:is|are) (?:frozen|forbidden)",
        rf"\b(?:deploy|release|ship)s?\b[^.;:]{{0,40}}\b{_OFTEN}|\bauto-?deploy\w*\b[^.;]{{0,40}}\b(?:on|enabled)\b",
        r"^Bash\((?:kubectl (?:apply|set image)|helm upgrade|vercel (?:deploy|--prod)|flyctl deploy)\b",
    ),
    _topic(
        "force pushes",
        ("force",),
        r"\b(?:no|never|do not) force[- ]push",
        r"^\W*(?:always |then )?force[- ]push\b(?! (?:is|are) )",
        r"^Bash\(git push (?:.* )?(?:--force|-f)\b",
    ),
    _topic(
        "schema changes",
        ("schema", "migration"),
        r"\bno (?:schema change|migration)s?\b|\b(?:never|do not) (?:run|apply) (?:a )?(?:schema change|migration)s?",
        rf"\b(?:apply|run) (?:the )?migrations?\b[^.;:]{{0,30}}\b{_OFTEN}|\bmigrations? run (?:automatically|by (?:itself|themselves))",
        r"^Bash\((?:npx )?(?:alembic (?:upgrade|downgrade)|prisma (?:migrate|db push)|drizzle-kit (?:push|migrate)"
        r"|tortoise (?:migrate|downgrade))\b",
    ),
    _topic(
        "printing secrets",
        ("secret", "credential", "environment"),
        r"\bno secrets? (?:printed|pasted|logged|shown)|\b(?:never|do not) (?:print|paste|log) (?:a |any )?(?:secret|credential)s?",
        r"^\W*(?:always )?(?:print|paste|log) (?:the |all )?(?:secret|credential|environment)s?\b",
        r"^Bash\((?:printenv|env|kubectl (?:get|describe) secrets?)\b",
    ),
    _topic(
        "pushing to the main branch",
        ("main",),
        r"\b(?:no|never|do not) (?:direct )?push(?:es)? (?:directly )?to (?:the )?main\b",
        r"^\W*(?:always )?push (?:directly|straight) to (?:the )?main\b",
        r"^Bash\(git push origin (?:main|master)\b",
    ),
    _topic(
        "merging without review",
        ("merg",),
        r"\b(?:no|never|do not) merge(?:s|d)? without (?:a )?review|\bnothing merges without\b",
        r"\bmerge (?:at once|immediately|without (?:a )?review)\b(?<!not merge without review)|\bauto-?merge (?:is )?(?:on|enabled)\b",
        r"^Bash\(gh pr merge (?:.* )?--(?:admin|auto)\b",
    ),
)


def rule_contradiction(files: Files) -> Iterator[Finding]:
    """No page asks for what another page, or the settings, forbid, and the settings allow nothing that a page forbids."""
    pages = {path: text for path, text in files.items() if path.endswith(".md")}
    for topic in TOPICS:
        lines = list(_lines_about(pages, topic))
        forbidding = [each for each in lines if topic.forbids.search(each.text)]
        asking = [each for each in lines if topic.asks.search(each.text) and each not in forbidding]
        denied, allowed = list(_ruled(files, "deny", topic)), list(_ruled(files, "allow", topic))
        for one, other in ((asking, forbidding), (asking, denied), (allowed, forbidding)):
            if one and other:
                yield _finding(topic, one[0], other[0])


def _finding(topic: Topic, one: Statement, other: Statement) -> Finding:
    place = f"{other.path}:{other.line}" if other.line else other.path
    said = f"on {topic.name} says “{_short(one.text)}”, and {place} says “{_short(other.text)}”"
    return Finding(one.path, one.line, f"{said}; keep one of the two, or say when each holds")


def _lines_about(pages: Files, topic: Topic) -> Iterator[Statement]:
    for path, text in pages.items():
        for number, line, lowered in _prose(text):
            if any(stem in lowered for stem in topic.stems):
                yield Statement(path, number, line)


@lru_cache(maxsize=32)  # as each of the topics reads the same few pages
def _prose(text: str) -> tuple[tuple[int, str, str], ...]:
    return tuple((line.number, line.text, line.text.lower()) for line in prose_of(text) if line.text)


def _ruled(files: Files, which: str, topic: Topic) -> Iterator[Statement]:
    for path, text in files.items():
        if path.endswith("settings.json"):
            yield from (Statement(path, 0, f"{which} {rule}") for rule in _rules(text, which) if topic.command.search(rule))


@lru_cache(maxsize=32)  # the settings of a template are the same in every bundle
def _rules(text: str, which: str) -> tuple[str, ...]:
    try:
        rules = json.loads(text)["permissions"][which]
    except (ValueError, KeyError, TypeError):
        return ()  # another rule tells that settings have not the right form
    return tuple(str(rule) for rule in rules) if isinstance(rules, list) else ()


def _short(text: str) -> str:
    text = text.strip(" -*#")
    return text if len(text) <= 80 else text[:79] + "…"
