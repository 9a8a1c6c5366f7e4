"""The house rules that no linter knows: identical layout, sizes of wiring, and no noun of the domain in shared/."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SERVICES = sorted(path.parent for path in (ROOT / "services").glob("*/__init__.py"))
REQUIRED = {
    "README.md", "__init__.py", "__main__.py", "app.py", "settings.py",
    "domain/__init__.py", "usecases/__init__.py", "storage/__init__.py", "storage/tables.py", "storage/migrations/versions",
    "transport/__init__.py", "transport/servicer.py", "transport/convert.py", "transport/events.py",
}  # fmt: skip
ALLOWED = {
    "README.md",
    "__init__.py",
    "__main__.py",
    "app.py",
    "settings.py",
    "clients.py",
    "domain",
    "usecases",
    "storage",
    "transport",
    "templates",
}
NOUNS = re.compile(
    r"\b(incident|alert|assessment|sprint|roadmap|remediation|playbook|postmortem|team_name|slo|error_budget)s?\b", re.IGNORECASE
)


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_every_service_has_the_same_layout(service: Path) -> None:
    missing = {name for name in REQUIRED if not (service / name).exists()}
    assert not missing
    strays = {path.name for path in service.iterdir() if path.name != "__pycache__"} - ALLOWED
    assert not strays


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_wiring_stays_small(service: Path) -> None:
    assert len((service / "__main__.py").read_text().splitlines()) <= 30
    assert len((service / "app.py").read_text().splitlines()) <= 120


def test_shared_holds_no_noun_of_the_domain() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in (ROOT / "shared").rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if NOUNS.search(line)
    ]
    assert not found


@pytest.mark.parametrize("top", ["services", "shared", "clients", "bench", "soak"])
def test_every_module_opens_with_a_sentence(top: str) -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in (ROOT / top).rglob("*.py")
        if "migrations" not in path.parts and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert not silent


def test_no_handwritten_package_is_called_ballast() -> None:
    """It would hide the generated one."""
    assert [path for path in ROOT.glob("**/ballast/__init__.py") if ".venv" not in path.parts] == []
