"""The list of changes as people see it: a table wherever that of alerts is one."""

from ballast.intake.v1 import change_pb2
from ballast.intake.v1 import signal_messages_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from clients.cli.changes import draw_list
from tests.support.terminal import seen_all

NINE = Timestamp(seconds=1_772_442_000)  # 2026-03-02 09:00


def change(**fields: object) -> change_pb2.Change:
    return change_pb2.Change(
        name="changes/0199b0c8-0000-7000-8000-00000000000a",
        started_at=NINE,
        finished_at=Timestamp(seconds=NINE.seconds + 600),
        outcome=change_pb2.CHANGE_OUTCOME_SUCCEEDED,
        **fields,  # type: ignore[arg-type]
    )


def test_changes_with_every_field_are_a_row_each_where_alerts_are() -> None:
    full = change(
        kind=change_pb2.CHANGE_KIND_INFRASTRUCTURE,
        components=["checkout", "search"],
        version="2026.48.1-rc.2",
        environment="production",
        summary="[red]the nodes of the cluster are replaced by larger ones[/]",
    )
    bare = change(kind=change_pb2.CHANGE_KIND_FLAG)
    drawn = seen_all(draw_list(pb.ListChangesResponse(changes=[full, bare])))
    header = next(each for each in drawn.splitlines() if each.strip())
    assert header.split() == ["change", "what", "outcome", "began", "over", "where", "summary"]
    assert drawn.count("2026-03-02 09:10:00Z") == 2
    assert drawn.endswith("2 changes")
    wide = seen_all(draw_list(pb.ListChangesResponse(changes=[full, bare])), width=300)
    for told in ("infrastructure 2026.48.1-rc.2", "checkout, search in production", "[red]the nodes of the cluster"):
        assert told in wide
    assert [each.split()[1:3] for each in wide.splitlines() if "changes/" in each][1] == ["flag", "succeeded"]
