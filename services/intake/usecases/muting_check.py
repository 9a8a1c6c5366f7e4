"""Muting on the alert path: which of a batch's new alerts are muted, and by what."""

from collections.abc import Sequence

from services.intake.domain.inhibition import FiringSource
from services.intake.domain.muting import Mute
from services.intake.storage.alert_batch import AlertBatch
from services.intake.usecases.work import Work


async def mutes_of(batch: AlertBatch, work: Work, positions: Sequence[int]) -> dict[int, Mute]:
    """Returns what mutes each report that is muted; costs nothing while nothing mutes."""
    mutes, labels = work.routing.mutes, work.reports.labels
    if not mutes:
        return {}
    found = {at: mute for at in positions if (mute := mutes.mute_of(labels[at], work.now)) is not None}
    # What is muted itself is no less the cause of others: the silence for a planned outage must not set free what that explains.
    opening = [at for at in positions if work.reports.ends[at] is None and mutes.is_source(labels[at])]
    targets = {at: rules for at in positions if at not in found and (rules := mutes.inhibit_targets(labels[at]))}
    if targets:
        told = [FiringSource("an alert of the same batch", labels[at]) for at in opening]
        inhibitors = mutes.inhibitors([*await firing_sources(batch), *told])
        for at, rules in targets.items():
            inhibition = inhibitors.of(labels[at], rules)
            if inhibition is not None:
                found[at] = mutes.inhibited(inhibition)
    work.sources.update(opening)
    return found


async def firing_sources(batch: AlertBatch) -> list[FiringSource]:
    """Returns the firing alerts that may inhibit others."""
    return [FiringSource(f"alerts/{alert_id}", labels) for alert_id, labels in await batch.firing_sources()]
