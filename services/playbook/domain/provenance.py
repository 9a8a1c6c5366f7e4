"""Where a bundle came from: the digest of what went in, the hash of what came out, and the stamp in its files."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from services.playbook.domain.fact import DecisionFact, IncidentFacts
from services.playbook.domain.template import Target, Template, content_hash_of

# Letters, digits and the few signs that names, versions and digests are made of; none of them can end a comment.
_STAMPABLE = re.compile(r"[A-Za-z0-9./_-]{1,200}")
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a bundle was rendered from. Names are empty, and numbers zero, where there was nothing."""

    template: str
    template_version: str
    template_hash: str
    inputs_digest: str
    incident: str
    assessment: str
    assessment_revision: int
    decision: str
    policy_revision: int
    trace_id: str

    @property
    def comment(self) -> str:
        """The stamp: an HTML comment that is a block of its own, which Claude Code leaves out of the context."""
        lines = (
            ("template", self.template),
            ("template-version", self.template_version),
            ("template-hash", self.template_hash),
            ("inputs-digest", self.inputs_digest),
            ("incident", self.incident),
            ("assessment", self.assessment),
            ("assessment-revision", str(self.assessment_revision or "")),
            ("decision", self.decision),
            ("policy-revision", str(self.policy_revision or "")),
            ("trace-id", self.trace_id),
        )
        body = "\n".join(f"{name}: {value if _STAMPABLE.fullmatch(value) else 'none'}" for name, value in lines)
        return f"<!-- Rendered by Ballast. Do not edit: render again.\n{body}\n-->\n"

    @property
    def form_comment(self) -> str:
        """The stamp of a page that people fill in."""
        return self.comment.replace("Do not edit: render again.", "Fill it in: rendering it again would lose what you wrote.", 1)


def provenance_of(
    template: Template, facts: IncidentFacts, inputs: Mapping[str, str], decision: DecisionFact | None, target: Target = Target.CLAUDE_CODE
) -> Provenance:
    """Returns where a render on these facts and inputs comes from; `decision` is the one it is rendered on, if any.

    The trace is that of the newest fact the bundle rests on, so that the stamp, too, follows from the inputs alone.
    """
    assessment = facts.assessment
    trace_id = (decision.trace_id if decision else "") or (assessment.trace_id if assessment else "")
    return Provenance(
        template=template.name,
        template_version=template.manifest.version,
        template_hash=template.content_hash,
        inputs_digest=inputs_digest_of(facts, inputs, target),
        incident=facts.name,
        assessment=assessment.name if assessment else decision.assessment if decision else "",
        assessment_revision=assessment.revision if assessment else 0,
        decision=decision.name if decision else "",
        policy_revision=decision.policy_revision if decision else 0,
        trace_id=trace_id,
    )


def stamped(path: str, text: str, provenance: Provenance, *, is_form: bool = False) -> str:
    """Returns `text` with its stamp: first in the file, but after front matter. JSON has no comments and stays as it is."""
    if path.endswith(".json"):
        return text
    front = _FRONT_MATTER.match(text)
    head = front.group() if front else ""
    comment = provenance.form_comment if is_form else provenance.comment
    return f"{head}{comment}\n{text[len(head) :].lstrip(chr(10))}"


def inputs_digest_of(facts: IncidentFacts, inputs: Mapping[str, str], target: Target = Target.CLAUDE_CODE) -> str:
    """Returns SHA-256, hex, of the canonical form of all that a render depends on but the template."""
    told: dict[str, object] = {"facts": asdict(facts), "inputs": dict(inputs)}
    if target is not Target.CLAUDE_CODE:  # digests from before there were targets stay what they are
        told["target"] = target.value
    canonical = json.dumps(told, sort_keys=True, separators=(",", ":"), default=_canonical)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def _canonical(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.6f}s"
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no canonical form")


def bundle_hash_of(files: Mapping[str, str]) -> str:
    """Returns SHA-256, hex, over paths and texts of all files, in the order of paths."""
    return content_hash_of(dict(files))
