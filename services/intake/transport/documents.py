"""Intake's document under change control: the grouping rules, and what a change of them would regroup."""

from collections.abc import Sequence

from ballast.governance.v1.approval_pb2 import ImpactPreview
from ballast.intake.v1.grouping_rules_pb2 import GroupingRules
from google.protobuf.message import Message

from services.intake.transport.events import RULES_SUBJECT
from services.intake.usecases.grouping_revisions import LAST_ALERTS, GroupingRevisions
from shared.amendments.document import DocumentKind, Putting
from shared.storage.etags import etag_of

_SHOWN = 20  # warnings, of a hundred facts that approvers may be given
# All but the document itself is worked out from it, or set when it comes in force.
_SET_BY_SERVICE = frozenset(GroupingRules.DESCRIPTOR.fields_by_name) - {"yaml"}


def grouping_rules_kind(revisions: GroupingRevisions) -> DocumentKind:
    async def names() -> Sequence[str]:
        return [RULES_SUBJECT]

    async def read(_: str, revision: int) -> tuple[int, Message]:
        made = (await revisions.get(revision)).made
        return made.revision, GroupingRules(yaml=made.yaml)

    async def checked(body: GroupingRules) -> Message:
        revisions.check(body.yaml)
        return GroupingRules(yaml=body.yaml)

    async def preview(body: GroupingRules) -> ImpactPreview:
        run = await revisions.dry_run(body.yaml, 0, LAST_ALERTS)
        counts = {f"incidents_{kind.name.lower()}": float(count) for kind, count in run.difference.counts.items()}
        changes = run.difference.changes
        moved = sum(each.alert_count for each in changes)
        return ImpactPreview(
            summary=f"{moved} of the latest {len(run.alerts)} alerts would be in other incidents: {len(changes)} differences.",
            facts=[f"line {each.line}: {each.sentence}"[:1024] for each in run.warnings[:_SHOWN]],
            measures=counts | {"alerts_tried": float(len(run.alerts)), "alerts_regrouped": float(moved)},
        )

    async def put(given: Putting) -> int:
        made = await revisions.put(given.body.yaml, etag_of(given.base), given.author, given.reason, given.restored)
        return made.revision

    return DocumentKind("grouping-rules", RULES_SUBJECT, GroupingRules, "planner", names, read, checked, preview, put, _SET_BY_SERVICE)
