"""The command as a whole: exit codes, what failures read like, help, and sub-commands loaded only when asked for."""

import subprocess
import sys

import pytest
from ballast.intake.v1 import incident_pb2
from ballast.intake.v1 import intake_service_pb2 as pb

from clients.cli.addresses import PORTS
from clients.cli.connection import Connection, credentials_from, every_page
from clients.cli.failures import ExitCode, exit_code_of, lines_of, reported
from clients.cli.main import COMMANDS, main
from clients.cli.up import summary_of
from shared import errors
from shared.errors import Violation
from shared.rpc.client import ClientCredentials


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidInput("x"), 2),
        (errors.NotFound("x"), 3),
        (errors.Unavailable("x"), 4),
        (errors.Exhausted("x"), 4),
        (errors.DeadlineExceeded("x"), 4),
        (errors.PermissionDenied("x"), 5),
        (errors.Unauthenticated("x"), 5),
        (errors.Conflict("x"), 6),
        (errors.PreconditionFailed("x"), 6),
        (errors.AlreadyExists("x"), 6),
        (errors.BallastError("x"), 70),
    ],
)
def test_exit_codes_are_as_promised(error: errors.BallastError, code: int) -> None:
    assert exit_code_of(error) == code


def test_a_refusal_lists_every_field_once() -> None:
    violations = [Violation("reports[0].labels", "must not be empty"), Violation("source", "is empty")]
    error = errors.InvalidInput("reports[0].labels: must not be empty; source: is empty", violations, reason="FIELD_INVALID")
    assert lines_of(error) == [
        "ballast: 2 fields are refused [FIELD_INVALID]",
        "  • reports[0].labels: must not be empty",
        "  • source: is empty",
    ]


def test_faults_that_were_cut_short_are_told_once_and_those_left_out_are_counted_apart() -> None:
    violations = [Violation("a", "is lo…"), Violation("b", "is too"), Violation("", "and 7 more; mend these first")]
    assert lines_of(errors.InvalidInput("a: is longer; b: is t…", violations)) == [
        "ballast: 2 fields are refused [INVALID_INPUT]",
        "  • a: is lo…",
        "  • b: is too",
        "  • and 7 more; mend these first",
    ]


def test_a_refusal_of_one_field_is_one_line() -> None:
    assert lines_of(errors.invalid_field("source", "is empty")) == ["ballast: source: is empty [INVALID_INPUT]"]


def test_a_hostile_message_does_not_reach_the_terminal() -> None:
    lines = lines_of(errors.InvalidInput("a\x1b[2J", [Violation("b\x1b", "c\r\x9b")], reason="R\x07"))
    assert not any(character in "".join(lines) for character in "\x1b\r\x9b\x07")


def test_an_unforeseen_failure_is_one_line_and_code_70(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, reported():
        raise ZeroDivisionError("oops")
    assert ended.value.code == ExitCode.INTERNAL
    told = capsys.readouterr().err
    assert "ZeroDivisionError: oops" in told
    assert "Traceback" not in told


def test_an_interrupt_ends_with_130() -> None:
    with pytest.raises(SystemExit) as ended, reported():
        raise KeyboardInterrupt
    assert ended.value.code == ExitCode.INTERRUPTED


def test_help_names_every_command_and_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    told = capsys.readouterr().out
    for name in COMMANDS:
        assert name in told
    for code in ExitCode:
        assert str(int(code)) in told


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"demo"}))
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(name, "--help") == 0
    assert "Usage" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("incidents", "nonsense"),
        ("incidents", "list", "--nonsense"),
        ("incidents", "show"),
        ("incidents", "list", "--timeout", "0"),
    ],
)
def test_wrong_use_ends_with_2(arguments: tuple[str, ...]) -> None:
    assert run(*arguments) == ExitCode.REFUSED


@pytest.mark.parametrize(
    "arguments",
    [
        ("incidents", "show", "nonsense"),
        ("incidents", "list", "--since", "yesterday"),
        ("incidents", "list", "--since", "2026-03-02T09:00:00"),
        ("incidents", "ack", "0199b0c8-0000-7000-8000-00000000000a", "--at", "25:00"),
        ("split", "show", "Not A Team"),
        ("decisions", "list", "--sprint", "3"),
        ("lineage", "nonsense"),
        ("events", "replay", "intake"),
        ("events", "replay", "intake", "3", "--all"),
        ("events", "backlog", "nonsense"),
        ("alerts", "send", "/does/not/exist"),
    ],
)
def test_input_is_refused_before_any_server_is_asked(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*arguments) == ExitCode.REFUSED
    assert "Traceback" not in capsys.readouterr().err


def test_the_name_of_a_command_loads_that_command_alone() -> None:
    script = (
        "import sys; from clients.cli.main import build; build('up'); print('grpc' in sys.modules, 'clients.cli.ledger' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["False", "False"]


def test_a_log_line_is_shown_when_it_warns_and_when_it_is_none() -> None:
    assert summary_of('{"level": "info", "event": "delivered"}') == ""
    assert summary_of('{"level": "warning", "event": "waits", "service": "intake", "time": "x"}') == "warning: waits (service=intake)"
    assert summary_of("ballast: state directory in use\x1b[2J") == "ballast: state directory in use\\x1b[2J"


class Pages:
    """A List RPC over the numbers 0 to 24, in pages of at most ten."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    async def __call__(self, request: pb.ListIncidentsRequest) -> pb.ListIncidentsResponse:
        self.sizes.append(request.page_size)
        begin = int(request.page_token or 0)
        end = min(begin + min(request.page_size, 10), 25)
        found = [incident_pb2.Incident(name=str(number)) for number in range(begin, end)]
        return pb.ListIncidentsResponse(incidents=found, next_page_token=str(end) if end < 25 else "")


@pytest.mark.parametrize(("limit", "count", "token"), [(0, 25, ""), (25, 25, ""), (12, 12, "12"), (10, 10, "10"), (100, 25, "")])
async def test_pages_are_read_until_the_limit_or_the_end(limit: int, count: int, token: str) -> None:
    response = await every_page(Pages(), pb.ListIncidentsRequest(), "incidents", limit)
    assert [each.name for each in response.incidents] == [str(number) for number in range(count)]
    assert response.next_page_token == token


def test_a_token_never_travels_unencrypted() -> None:
    with pytest.raises(errors.InvalidInput, match="BALLAST_TOKEN"):
        credentials_from({"BALLAST_TOKEN": "secret"})


def test_a_certificate_that_cannot_be_read_is_named() -> None:
    with pytest.raises(errors.InvalidInput, match="BALLAST_CLIENT_CA: /does/not/exist"):
        credentials_from({"BALLAST_CLIENT_CA": "/does/not/exist"})


def test_a_login_name_that_metadata_cannot_carry_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "jürgen")
    assert credentials_from({}).local_name == "local"
    monkeypatch.setenv("LOGNAME", "ada")
    assert credentials_from({}).local_name == "ada"


def test_a_deadline_and_a_word_of_the_server_are_told_apart_from_absence() -> None:
    connection = Connection(dict.fromkeys(PORTS, "127.0.0.1:1"), ClientCredentials(), 0.5)
    assert "within 0.5 s" in connection.explained(errors.DeadlineExceeded("Deadline Exceeded")).message
    own = errors.Unavailable("the database is away", reason="DATABASE_AWAY")
    assert connection.explained(own) is own
