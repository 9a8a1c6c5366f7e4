"""Where the pages of a bundle stand at each target, for pages that point to one another."""

from dataclasses import dataclass

from services.playbook.domain.template import Target

PLAIN_PAGE = "PLAYBOOK.md"


@dataclass(frozen=True, slots=True)
class Places:
    """The target, the page with facts and rules, and the page with the procedure."""

    target: Target
    facts_page: str
    procedure_page: str


def places_of(target: Target, template_id: str) -> Places:
    """Returns the places by which all templates keep."""
    if target is Target.CLAUDE_CODE:
        return Places(target, "CLAUDE.md", f".claude/skills/{template_id}/SKILL.md")
    if target is Target.AGENTS_MD:
        return Places(target, "AGENTS.md", f"playbooks/{template_id}.md")
    return Places(target, PLAIN_PAGE, PLAIN_PAGE)


DEFAULT_PLACES = places_of(Target.CLAUDE_CODE, "playbook")
