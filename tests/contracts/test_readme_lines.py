"""The services' READMEs: every line that calls an RPC can be run; intake's, triage's and governance's leave out no RPC and no setting."""

import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import pytest
from google.protobuf import descriptor_pool, json_format, message_factory

from services.governance.settings import GovernanceSettings
from services.intake.settings import IntakeSettings
from services.triage.settings import TriageSettings
from shared.rpc.shape import breaches_of
from shared.settings import ServiceSettings

ROOT = Path(__file__).parents[2]
_LINE = re.compile(
    r"\| `(?P<rpc>\w+)` \| `grpcurl -plaintext (?:-d '(?P<body>.*)' )?127\.0\.0\.1:\d+ (?P<service>[\w.]+)/(?P<method>\w+)` \|"
)
CHANGE_CONTROL = "ballast.amendments.v1.AmendmentService"
_PACKED = re.compile(r'"@type":"type\.googleapis\.com/([\w.]+)\.\w+"')
_SETTING = re.compile(r"\| `([A-Z_]+)` \| ?(.*?) ?\| .+ \|")


class Line(NamedTuple):
    """One line that calls an RPC."""

    rpc: str
    body: str
    service: str
    method: str


def lines_of(page: str) -> Iterator[Line]:
    for line in page.splitlines():
        if (
            line.startswith("|") and "grpcurl -plaintext" in line and "-d @" not in line
        ):  # what one call makes for another is not to be read
            found = _LINE.fullmatch(line)
            assert found, f"is no line that calls one RPC: {line}"
            yield Line(found["rpc"], found["body"] or "{}", found["service"], found["method"])


PAGES = sorted(path for path in ROOT.glob("services/*/README.md") if "grpcurl -plaintext -d" in path.read_text())
LINES = [(path.parent.name, each) for path in PAGES for each in lines_of(path.read_text())]


def load(package: str, body: str = "") -> None:
    """Has the pool know every contract of a package, and those of documents that a body holds."""
    for named in {package, *_PACKED.findall(body)}:
        _load(named)


def _load(package: str) -> None:
    for path in ROOT.glob(f"protos/{package.replace('.', '/')}/*.proto"):
        import_module(f"{package}.{path.stem}_pb2")


@pytest.mark.parametrize(("name", "line"), LINES, ids=[f"{name}-{line.rpc}" for name, line in LINES])
def test_a_line_of_a_readme_calls_the_rpc_it_stands_for_with_a_request_that_breaks_no_rule(name: str, line: Line) -> None:
    load(line.service.rpartition(".")[0], line.body)
    method = descriptor_pool.Default().FindServiceByName(line.service).methods_by_name[line.method]
    assert line.rpc == line.method
    # The reader puts a name of their own where there are dots.
    body = json.loads(line.body.replace("…", str(UUID(int=7, version=4))))
    request = json_format.ParseDict(body, message_factory.GetMessageClass(method.input_type)())
    assert list(breaches_of(request)) == []


# Triage's page has the lines of change control for all who serve it.
@pytest.mark.parametrize(
    ("service", "packages"), [("intake", ["intake"]), ("triage", ["triage", "amendments"]), ("governance", ["governance"])]
)
def test_the_readme_has_a_line_for_every_rpc_of_the_service(service: str, packages: list[str]) -> None:
    served = {each for package in packages for each in rpcs_of(package)}
    # Lines in which one call makes the request of another are not read; each still names its RPC.
    page = (ROOT / f"services/{service}/README.md").read_text()
    piped = {(contract, method) for contract, method in served if "-d @ 127.0.0.1" in page and f" {contract}/{method}` |" in page}
    own = tuple(f"ballast.{package}.v1." for package in packages)
    assert {(line.service, line.method) for name, line in LINES if name == service and line.service.startswith(own)} | piped == served


def rpcs_of(package: str) -> set[tuple[str, str]]:
    """Returns every RPC of a package, with its service."""
    load(f"ballast.{package}.v1")
    pool = descriptor_pool.Default()
    return {
        (contract.full_name, method.name)
        for file in ROOT.glob(f"protos/ballast/{package}/v1/*_service.proto")
        for contract in pool.FindFileByName(f"ballast/{package}/v1/{file.name}").services_by_name.values()
        for method in contract.methods
    }


@pytest.mark.parametrize("service", ["intake", "allocation"])
def test_the_readme_of_a_service_that_keeps_documents_points_to_change_control(service: str) -> None:
    assert [line.method for name, line in LINES if (name, line.service) == (service, CHANGE_CONTROL)]
    assert "(../triage/README.md#change-control)" in (ROOT / f"services/{service}/README.md").read_text()


@pytest.mark.parametrize(
    ("service", "settings"), [("intake", IntakeSettings), ("triage", TriageSettings), ("governance", GovernanceSettings)]
)
def test_the_readme_has_every_setting_of_the_service_with_its_default(service: str, settings: type[ServiceSettings]) -> None:
    table = (ROOT / f"services/{service}/README.md").read_text().partition("\n## Settings")[2]
    told = {
        key: default.strip("`") for line in table.splitlines() if (found := _SETTING.fullmatch(line)) for key, default in [found.groups()]
    }
    fields = {name.upper(): field for name, field in settings.model_fields.items() if name in settings.__annotations__}
    assert told.keys() == fields.keys()
    for key, field in fields.items():
        default = field.get_default(call_default_factory=True)
        if isinstance(default, dict):
            assert told[key] == ", ".join("itself" if name == service else name for name in default)
        elif isinstance(default, tuple):
            assert json.loads(told[key]) == list(default)
        else:
            assert told[key] == ("" if default is None else str(default))


def test_fields_of_requests_in_lines_are_written_as_the_contracts_write_them() -> None:
    """grpcurl takes both spellings; people copy what they see."""
    for _, line in LINES:
        load(line.service.rpartition(".")[0])
        method = descriptor_pool.Default().FindServiceByName(line.service).methods_by_name[line.method]
        known = {field.name for field in method.input_type.fields}
        for key in json.loads(line.body):
            assert key in known, f"{line.method}: {key}"
