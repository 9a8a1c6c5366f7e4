"""Every rule that can refuse a template or a bundle is explained where its id is looked up."""

import re
from pathlib import Path

from services.playbook.domain import rule_index

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "playbooks" / "rules.md").read_text()


def test_every_rule_has_one_paragraph_and_every_paragraph_a_rule() -> None:
    explained = re.findall(r"^### ([A-Z_]+)\n\n\S[^\n]{60,}\n", PAGE, re.MULTILINE)
    assert sorted(explained) == sorted(rule_index.ALL)


def test_every_id_that_is_raised_is_in_the_index() -> None:
    domain = ROOT / "services" / "playbook"
    source = "\n".join(path.read_text() for path in sorted(domain.rglob("*.py")))
    raised = set(
        re.findall(r'(?:RenderRefused|LimitExceeded|TemplateFinding|finding|TreeReader)\(\s*(?:file, )?"([A-Z]+_[A-Z_]+)"', source)
    )
    raised |= set(re.findall(r'[,:] "([A-Z]+_[A-Z_]+)"\)', source))
    assert raised
    assert raised <= set(rule_index.ALL)
