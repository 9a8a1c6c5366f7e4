"""What a bundle must satisfy before it is stored: the rules by their ids, and the refusal of what breaks one."""

from collections.abc import Iterator
from types import MappingProxyType

from services.playbook.domain import contradiction, structure_rules, text_rules
from services.playbook.domain.errors import RenderRefused
from services.playbook.domain.finding import Check, Files, Finding

RULES: MappingProxyType[str, Check] = MappingProxyType(
    {
        "PATH_UNSAFE": structure_rules.path_unsafe,
        "FILE_TOO_LONG": text_rules.file_too_long,
        "HIDDEN_CHARACTER": text_rules.hidden_character,
        "BARE_AT": text_rules.bare_at,
        "PLACEHOLDER_LEFT": text_rules.placeholder_left,
        "COMMAND_SUBSTITUTION": text_rules.command_substitution,
        "ARGUMENT_SUBSTITUTION": text_rules.argument_substitution,
        "COMMENT_OPEN": text_rules.comment_open,
        "FENCE_OPEN": text_rules.fence_open,
        "FENCE_NESTED": text_rules.fence_nested,
        "REVIEW_IMPORT": text_rules.review_import,
        "DATA_BLOCK_BROKEN": text_rules.data_block_broken,
        "SECRET_SHOWN": text_rules.secret_shown,
        "FRONT_MATTER_INVALID": structure_rules.front_matter_invalid,
        "AGENT_INCOMPLETE": structure_rules.agent_incomplete,
        "AGENT_WRITES": structure_rules.agent_writes,
        "SETTINGS_INVALID": structure_rules.settings_invalid,
        "SETTINGS_CONTRADICTION": structure_rules.settings_contradiction,
        "RULE_CONTRADICTION": contradiction.rule_contradiction,
        "IMPORT_UNRESOLVED": structure_rules.import_unresolved,
        "IMPORT_CYCLE": structure_rules.import_cycle,
        "IMPORT_TOO_DEEP": structure_rules.import_too_deep,
    }
)


def findings_in(files: Files) -> Iterator[tuple[str, Finding]]:
    """Yields (rule id, finding) for everything that breaks a rule, in the order of the rules."""
    for identifier, check in RULES.items():
        yield from ((identifier, finding) for finding in check(files))


def refuse_unfit(files: Files) -> None:
    """Raises RenderRefused for the first rule that is broken."""
    for identifier, finding in findings_in(files):
        raise RenderRefused(identifier, finding.path, finding.message, finding.line)
