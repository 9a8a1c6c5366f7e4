"""Rows of grouping to domain values and back."""

from typing import Any

from services.intake.domain.grouping_revision import GroupingRevision
from services.intake.domain.grouping_trial import TriedAlert
from services.intake.domain.rule_use import RuleUse


def revision_from_row(row: Any) -> GroupingRevision:
    return GroupingRevision(
        revision=row.revision,
        yaml=row.yaml,
        author=row.author,
        reason=row.reason,
        restored=row.restored_revision,
        created_at=row.created_at,
    )


def revision_to_row(made: GroupingRevision) -> dict[str, Any]:
    return {
        "revision": made.revision,
        "yaml": made.yaml,
        "hash": made.hash,
        "author": made.author,
        "reason": made.reason,
        "restored_revision": made.restored,
        "created_at": made.created_at,
    }


def use_from_row(row: Any) -> RuleUse:
    return RuleUse(
        since=row.since,
        matched=row.matched,
        last_matched_at=row.last_matched_at,
        failed=row.failed,
        last_failed_at=row.last_failed_at,
        failure=row.failure,
    )


def tried_from_row(row: Any) -> TriedAlert:
    return TriedAlert(
        id=row.id,
        fingerprint=row.fingerprint.hex,
        source=row.source,
        labels=row.labels,
        annotations=row.annotations,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
    )
