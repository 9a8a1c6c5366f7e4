"""The contracts: every RPC has an access rule and says whether a retry is safe, and the generated code is what they give."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from google.protobuf.descriptor import MethodDescriptor

from shared.principal import INCLUDED
from shared.rpc.method import method_of

ROOT = Path(__file__).parent.parent.parent
MODULES = sorted((ROOT / "protos" / "ballast").rglob("*_service.proto"))
READS = (
    "Diff",
    "Preview",
    "Get",
    "List",
    "Watch",
    "Simulate",
    "Verify",
    "Trace",
    "Validate",
    "DryRun",
    "Explain",
    "Export",
    "Forecast",
    "Backtest",
)


def rpcs() -> list[MethodDescriptor]:
    found = []
    for path in MODULES:
        module = import_module(".".join(path.relative_to(ROOT / "protos").with_suffix("").parts) + "_pb2")
        for service in module.DESCRIPTOR.services_by_name.values():
            found += list(service.methods)
    return found


def path_of(rpc: MethodDescriptor) -> str:
    return f"/{rpc.containing_service.full_name}/{rpc.name}"


@pytest.mark.parametrize("rpc", rpcs(), ids=path_of)
def test_every_rpc_has_an_access_rule(rpc: MethodDescriptor) -> None:
    method = method_of(path_of(rpc))
    assert method.role in INCLUDED, f"{method.full_name} needs option (ballast.access.v1.rule)"
    if method.team_field:
        assert method.team_field.partition(".")[0] in rpc.input_type.fields_by_name


@pytest.mark.parametrize("rpc", rpcs(), ids=path_of)
def test_only_viewers_rpcs_are_free_of_request_ids(rpc: MethodDescriptor) -> None:
    """Every mutation can be repeated: it carries a request_id, or it is told when and what to be by its own fields."""
    if rpc.name.startswith(READS) or rpc.containing_service.name in {"SimulationService", "EventSinkService"}:
        return
    # A stream's batches are told apart by their place in it.
    fields = set(rpc.input_type.fields_by_name)
    assert "request_id" in fields or {"stream_id", "sequence"} <= fields


@pytest.mark.parametrize("rpc", rpcs(), ids=path_of)
def test_every_list_pages(rpc: MethodDescriptor) -> None:
    if rpc.name.startswith("List"):
        assert {"page_size", "page_token"} <= set(rpc.input_type.fields_by_name)
        assert "next_page_token" in rpc.output_type.fields_by_name


@pytest.mark.parametrize("rpc", rpcs(), ids=path_of)
def test_every_rpc_declares_whether_a_retry_is_safe(rpc: MethodDescriptor) -> None:
    assert method_of(path_of(rpc)).retry_safe, f"{rpc.full_name} needs option idempotency_level"


def test_generated_code_is_what_the_contracts_give() -> None:
    checked = subprocess.run(
        [sys.executable, "protos/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert checked.returncode == 0, checked.stderr
