"""The digest of a change of the approval rules: of what is replaced and what takes its place, whoever writes it and when."""

import hashlib
import json

from services.governance.domain.approval_rule import RulesDocument
from services.governance.storage.approval_rule_rows import document_to_json


def digest_of_change(replaced: int, document: RulesDocument) -> str:
    """Returns SHA-256, hex. Who agreed to a change of one version has not agreed to the same document in place of another."""
    change = {"replaces": replaced} | document_to_json(document)
    return hashlib.sha256(json.dumps(change, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
