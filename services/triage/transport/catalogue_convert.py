"""The catalogue's domain values to protobuf."""

from collections.abc import Iterable, Sequence

from ballast.triage.v1 import catalogue_pb2
from ballast.triage.v1 import catalogue_service_pb2 as pb

from services.triage.domain.blast_radius import BlastRadius, Extent
from services.triage.domain.catalogue_import import MOST_TOLD, ImportProgress, ImportSummary, Stored
from services.triage.domain.component import ComponentRevision
from services.triage.domain.component_graph import Dependent
from services.triage.domain.dependency_cycle import Circle
from services.triage.domain.entity import DocumentReading, EntityKind, Group, Problem, System
from services.triage.storage.catalogue_store import Dated
from services.triage.transport.convert import component_to_pb
from shared.rpc.wellknown import money_to_pb, time_to_pb

_MOST_CIRCLES = 100
_MOST_MISSING = 100


def revision_to_pb(revision: ComponentRevision) -> catalogue_pb2.ComponentRevision:
    return catalogue_pb2.ComponentRevision(
        revision=revision.stored.version,
        component=component_to_pb(revision.stored),
        change=revision.change.value,  # type: ignore[arg-type]  # the numbers are the contract's
        author=revision.author,
        create_time=time_to_pb(revision.create_time),
    )


def system_to_pb(dated: Dated[System]) -> catalogue_pb2.System:
    it, created, updated = dated.thing, time_to_pb(dated.create_time), time_to_pb(dated.update_time)
    return catalogue_pb2.System(
        name=it.name,
        display_name=it.display_name,
        owner_team=it.owner_team,
        domain=it.domain,
        namespace=it.namespace,
        create_time=created,
        update_time=updated,
    )


def group_to_pb(dated: Dated[Group]) -> catalogue_pb2.Group:
    it, created, updated = dated.thing, time_to_pb(dated.create_time), time_to_pb(dated.update_time)
    return catalogue_pb2.Group(
        name=it.name,
        display_name=it.display_name,
        type=it.type,
        parent=it.parent,
        namespace=it.namespace,
        create_time=created,
        update_time=updated,
    )


def circle_to_pb(circle: Circle) -> catalogue_pb2.DependencyCycle:
    return catalogue_pb2.DependencyCycle(members=circle.members, path=circle.path)


def radius_to_pb(radius: BlastRadius, dependents: Sequence[Dependent], next_page_token: str) -> pb.GetBlastRadiusResponse:
    return pb.GetBlastRadiusResponse(
        name=radius.name,
        extent=_extent_to_pb(radius.extent()),
        dependents=[_dependent_to_pb(each) for each in dependents],
        next_page_token=next_page_token,
    )


def progress_to_pb(progress: ImportProgress) -> pb.ImportCatalogueResponse:
    phase = pb.IMPORT_PHASE_STORING if progress.is_storing else pb.IMPORT_PHASE_READING
    told = pb.ImportProgress(
        phase=phase, done_count=progress.done_count, total_count=progress.document_count, refused_count=progress.refused_count
    )
    return pb.ImportCatalogueResponse(progress=told)


def summary_to_pb(summary: ImportSummary, *, validate_only: bool) -> pb.ImportCatalogueResponse:
    gathered = summary.gathered
    told = pb.ImportSummary(
        validate_only=validate_only,
        document_count=gathered.document_count,
        counts=[
            _counts_to_pb(EntityKind.COMPONENT, summary.components),
            _counts_to_pb(EntityKind.SYSTEM, summary.systems),
            _counts_to_pb(EntityKind.GROUP, summary.groups),
        ],
        refused_count=len(gathered.refused),
        refusals=[_report_to_pb(each, each.refusals) for each in gathered.refused[:MOST_TOLD]],
        kept_out_count=len(gathered.kept_out),
        kept_out=[_report_to_pb(each, [Problem("kind", each.place.line, each.kept_out)]) for each in gathered.kept_out[:MOST_TOLD]],
        notes=[_report_to_pb(each, each.notes) for each in gathered.noted[:MOST_TOLD]],
        cycle_count=len(summary.circles),
        cycles=[circle_to_pb(each) for each in summary.circles[:_MOST_CIRCLES]],
        missing_count=len(summary.missing),
        missing=summary.missing[:_MOST_MISSING],
    )
    count = gathered.document_count
    done = pb.ImportProgress(phase=pb.IMPORT_PHASE_DONE, done_count=count, total_count=count, refused_count=len(gathered.refused))
    return pb.ImportCatalogueResponse(progress=done, summary=told)


def _counts_to_pb(kind: EntityKind, stored: Stored) -> pb.ImportCounts:
    return pb.ImportCounts(
        kind=kind.value,
        created_count=stored.created_count,
        changed_count=stored.changed_count,
        unchanged_count=stored.unchanged_count,
    )


def _report_to_pb(reading: DocumentReading, problems: Iterable[Problem]) -> catalogue_pb2.DocumentReport:
    place = reading.place
    return catalogue_pb2.DocumentReport(
        file=place.file,
        document=place.number,
        line=place.line,
        kind=place.kind,
        entity=place.name,
        problems=[catalogue_pb2.DocumentProblem(field=each.field, line=each.line, description=each.text) for each in problems],
    )


def _dependent_to_pb(dependent: Dependent) -> catalogue_pb2.Dependent:
    component = dependent.component
    return catalogue_pb2.Dependent(
        name=component.name,
        display_name=component.display_name,
        owner_team=component.owner_team,
        tier=component.tier.value if component.tier else None,  # type: ignore[arg-type]  # the numbers are the contract's
        depth=dependent.depth,
        via=dependent.via,
    )


def _extent_to_pb(extent: Extent) -> catalogue_pb2.BlastExtent:
    return catalogue_pb2.BlastExtent(
        dependent_count=extent.dependent_count,
        depth=extent.depth,
        teams=[catalogue_pb2.TeamShare(team=team, component_count=count) for team, count in extent.teams],
        unowned_count=extent.unowned_count,
        tiers=[
            catalogue_pb2.TierShare(tier=tier.value if tier else None, component_count=count)  # type: ignore[arg-type]
            for tier, count in extent.tiers
        ],
        users=extent.users,
        users_unknown_count=extent.users_unknown_count,
        revenue_per_minute=[each for each in map(money_to_pb, extent.revenue_per_minute) if each is not None],
        revenue_unknown_count=extent.revenue_unknown_count,
        unknown=extent.is_unknown,
    )
