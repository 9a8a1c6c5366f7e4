"""The ids of every rule that can refuse a template or a bundle; docs/playbooks/rules.md has a paragraph on each."""

from services.playbook.domain import template_lint
from services.playbook.domain.lint import RULES as BUNDLE_RULES

LOADING_RULES = (
    "TEMPLATE_INVALID", "MANIFEST_INVALID", "YAML_INVALID", "YAML_TOO_LARGE", "YAML_ALIAS", "YAML_TOO_DEEP", "FILE_UNKNOWN",
    "SOURCE_MISSING", "SOURCE_NOT_TEXT", "SOURCE_TOO_LARGE", "SOURCE_SYNTAX", "CONSTRUCT_REFUSED", "VALUE_UNKNOWN", "INPUT_UNDECLARED",
    "INCLUDE_OUTSIDE", "INCLUDE_MISSING", "INCLUDE_CYCLE", "INCLUDE_TOO_DEEP", "CASE_INVALID",
)  # fmt: skip
RENDERING_RULES = (
    "TARGET_UNKNOWN", "TEXT_OUTSIDE_BLOCK", "RENDER_STEPS", "RENDER_TIME", "RENDER_SIZE", "RENDER_FAILED", "TEMPLATE_VERSION_CHANGED",
)  # fmt: skip
LINT_RULES = template_lint.RULES
ALL = (*LOADING_RULES, *LINT_RULES, *RENDERING_RULES, *BUNDLE_RULES)
