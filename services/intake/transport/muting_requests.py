"""What is asked about muting, read into what the use cases take."""

from datetime import timedelta

from ballast.intake.v1 import maintenance_window_messages_pb2 as window_pb
from ballast.intake.v1 import silence_messages_pb2 as silence_pb
from ballast.intake.v1.silence_pb2 import Silence
from google.protobuf.message import Message

from services.intake.domain.errors import MutingRefused
from services.intake.domain.maintenance_window import Schedule, WindowEdit
from services.intake.domain.silence import LONGEST, SilenceEdit
from services.intake.transport.muting_convert import matchers_from_pb, wall_time_from_pb
from services.intake.usecases.maintenance import NewWindow
from services.intake.usecases.silences import NewSilence, Preview
from shared.errors import Violation
from shared.rpc.wellknown import time_from_pb


def new_silence(request: silence_pb.CreateSilenceRequest) -> NewSilence:
    duration = _duration(request)
    if not timedelta(0) <= duration <= LONGEST:  # before it is added to a time, which may not reach that far
        raise MutingRefused([Violation("duration", f"must be more than nothing and at most {LONGEST.days} days")])
    return NewSilence(
        matchers=matchers_from_pb(request.matchers, "matchers"),
        starts_at=time_from_pb(request, "starts_at"),
        ends_at=time_from_pb(request, "ends_at"),
        duration=duration,
        reason=request.reason,
    )


def created_silence(silence: Silence, preview: Preview | None) -> silence_pb.CreateSilenceResponse:
    if preview is None:
        return silence_pb.CreateSilenceResponse(silence=silence)
    some = [silence_pb.MutedAlert(name=each.name, labels=each.labels) for each in preview.some]
    return silence_pb.CreateSilenceResponse(
        silence=silence, muted_alert_count=preview.count, muted_alerts=some, is_partial=preview.is_partial
    )


def silence_edit(request: silence_pb.UpdateSilenceRequest) -> SilenceEdit:
    return SilenceEdit(
        matchers=matchers_from_pb(request.matchers, "matchers") if request.matchers else None,
        starts_at=time_from_pb(request, "starts_at"),
        ends_at=time_from_pb(request, "ends_at"),
        reason=request.reason or None,
    )


def new_window(request: window_pb.CreateMaintenanceWindowRequest) -> NewWindow:
    begin = wall_time_from_pb(request.starts_at)
    assert begin is not None  # the contract asks for one
    return NewWindow(
        matchers=matchers_from_pb(request.matchers, "matchers"),
        schedule=Schedule(begin, request.time_zone, _duration(request), request.rrule),
        reason=request.reason,
        approver=request.approver,
    )


def window_edit(request: window_pb.UpdateMaintenanceWindowRequest) -> WindowEdit:
    return WindowEdit(
        matchers=matchers_from_pb(request.matchers, "matchers") if request.matchers else None,
        starts_at=wall_time_from_pb(request.starts_at),
        time_zone=request.time_zone or None,
        duration=_duration(request) if request.HasField("duration") else None,
        rrule=request.rrule if request.HasField("rrule") else None,
        reason=request.reason or None,
        approver=request.approver.strip() or None,
    )


def _duration(request: Message) -> timedelta:
    # Not by the message's own conversion, which fails for more than a datetime can hold.
    duration = request.duration  # type: ignore[attr-defined]  # each message here has one
    return timedelta(microseconds=min(max(duration.seconds, -(10**10)), 10**10) * 1_000_000 + duration.nanos // 1000)
