"""`ballast slos` against a running triage: what it prints, and how it ends when documents are refused."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from clients.cli.failures import ExitCode
from services.triage.app import build
from services.triage.domain.openslo_tree import canonical, yaml_of
from services.triage.domain.slo_bundle import read_bundle
from services.triage.settings import TriageSettings
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.command import Ran, ballast
from tests.support.serving import serving
from tests.support.slos import EXAMPLES, data_source, document, example, sli, slo

Run = Callable[..., Awaitable[Ran]]
SHOP = str(EXAMPLES / "shop.yaml")


@pytest.fixture
async def run(own_urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Run]:
    settings = TriageSettings(port=0, database_url=own_urls["triage"], cache_url=engines.cache_url, subscribers={})
    async with serving(build(settings, clock), []) as served:

        async def run(*arguments: str, stdin: str = "") -> Ran:
            return await asyncio.to_thread(ballast, *arguments, "--triage-address", served.app.server.address, stdin=stdin)

        yield run


async def test_an_import_says_what_became_of_each_document(run: Run) -> None:
    ran = await run("slos", "import", SHOP)
    assert (ran.code, ran.err) == (0, "")
    assert "slos/checkout-availability" in ran.out
    assert "7 documents: 7 new; 7 fields kept without meaning (--kept shows them)" in ran.out
    again = await run("slos", "import", SHOP, "--kept")
    assert "7 documents: 7 the same" in again.out
    assert "spec.alertPolicies" in again.out
    assert "budget policies of its own" in again.out


async def test_a_refused_document_is_shown_with_its_line_and_the_others_land(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "mixed.yaml"
    file.write_text(yaml_of([slo("good"), slo("bad", objectives=[{"target": 2}])]))
    ran = await run("slos", "import", str(file), SHOP)
    assert ran.code == ExitCode.REFUSED
    line = file.read_text().splitlines().index("  - target: 2") + 1
    (row,) = [each.split() for each in ran.out.splitlines() if "spec.objectives[0].target" in each]
    assert row[:4] == [str(line), "5", "slos/bad", "spec.objectives[0].target"]
    assert "9 documents: 8 new, 1 refused" in ran.out
    assert [each["name"] for each in (await run("slos", "list", "--json")).data["slos"]] == ["slos/checkout-availability", "slos/good"]


@pytest.mark.parametrize("option", [(), ("--dry-run",)])
async def test_a_name_that_two_files_tell_stops_both_before_anything_is_stored(run: Run, tmp_path: Path, option: tuple[str, ...]) -> None:
    (tmp_path / "one.yaml").write_text(yaml_of([slo("other"), slo("twice")]))
    (tmp_path / "two.yaml").write_text(yaml_of([slo("twice", objectives=[{"target": 0.5}])]))
    ran = await run("slos", "import", str(tmp_path / "one.yaml"), str(tmp_path / "two.yaml"), *option)
    assert (ran.code, "SLO_TOLD_TWICE" in ran.err) == (ExitCode.REFUSED, True)
    assert f"slos/twice is told twice, in document 2 of {tmp_path}/one.yaml and in document 1 of {tmp_path}/two.yaml" in ran.err
    assert not (await run("slos", "list", "--json")).data.get("slos")


async def test_a_file_without_documents_is_said_to_have_none(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("# nothing yet\n")
    ran = await run("slos", "import", str(tmp_path / "empty.yaml"))
    assert (ran.code, f"{tmp_path / 'empty.yaml'} holds no document" in ran.out, "outcome" in ran.out) == (0, True, False)


async def test_a_target_next_to_all_is_not_shown_as_all(run: Run) -> None:
    await run("slos", "import", "-", stdin=yaml_of([slo("near", objectives=[{"target": 0.9999999999999999}]), slo("three")]))
    listed = (await run("slos", "list")).out
    assert ("99.99999999999999 %" in listed, " 100 %" in listed) == (True, False)


async def test_a_dry_run_ends_as_the_import_would_and_stores_nothing(run: Run) -> None:
    good = await run("slos", "import", SHOP, "--dry-run")
    assert (good.code, "7 documents: 7 new" in good.out, "nothing was stored" in good.out) == (0, True, True)
    bad = await run("slos", "import", "-", "--dry-run", "--json", stdin=yaml_of([slo(service=None)]))
    assert bad.code == ExitCode.REFUSED
    assert bad.data[0]["answer"]["documents"][0]["problems"][0]["field"] == "spec.service"
    assert "0 SLOs" in (await run("slos", "list")).out


async def test_what_leads_nowhere_is_told_and_what_is_resolved_later_too(run: Run) -> None:
    missing = await run("slos", "import", "-", stdin=yaml_of([slo()]))
    assert (missing.code, "references that lead nowhere yet" in missing.out) == (0, True)
    assert "resolved anew: slos/answers" in (await run("slos", "import", "-", stdin=yaml_of([sli()]))).out


async def test_an_export_imports_equal(run: Run, tmp_path: Path) -> None:
    sent = example("shop.yaml") + "---\n" + yaml_of([data_source("odd", url="a\u200bb\u202ec\u2028d\x85e")])
    assert (await run("slos", "import", "-", stdin=sent)).code == 0
    out = (await run("slos", "export")).out
    texts = [{canonical(each.tree) for each in read_bundle(text)} for text in (sent, out)]
    assert texts[0] == texts[1]
    file = tmp_path / "out.yaml"
    assert "8 documents written to" in (await run("slos", "export", "-o", str(file))).err
    assert file.read_text() == out
    some = read_bundle((await run("slos", "export", "checkout-availability")).out)
    assert [each.kind for each in some] == [
        "AlertCondition",
        "AlertNotificationTarget",
        "AlertPolicy",
        "DataSource",
        "SLI",
        "Service",
        "SLO",
    ]
    bare = read_bundle((await run("slos", "export", "checkout-availability", "DataSource.odd", "--bare")).out)
    assert [each.kind for each in bare] == ["DataSource", "SLO"]
    assert (await run("slos", "export", "-o", str(tmp_path / "no" / "folder"))).code == ExitCode.REFUSED
    assert (await run("slos", "export", "SLI.none")).code == ExitCode.NOT_FOUND


async def test_an_export_of_more_than_a_page_is_whole(run: Run) -> None:
    services = [document("Service", f"web-{number}", {}) for number in range(1001)]
    for part in (services[:1000], services[1000:]):
        assert (await run("slos", "import", "-", stdin=yaml_of(part))).code == 0
    assert (await run("slos", "export", "--json")).data["document_count"] == 1001
    text = (await run("slos", "export")).out
    assert all(f"name: web-{number}\n" in text for number in range(1001))


async def test_an_slo_is_shown_with_what_is_counted(run: Run) -> None:
    await run("slos", "import", SHOP, str(EXAMPLES / "calendar.yaml"), str(EXAMPLES / "timeslices.yaml"))
    shown = (await run("slos", "show", "checkout-availability")).out
    for part in (
        "Checkout answers",
        "components/checkout",
        "the last 28 d",
        "99.9 %",
        "99.95 %",
        "Aimed at",
        "shop-prometheus",
        "only rise",
    ):
        assert part in shown
    assert "1 quarter from 2026-04-01 06:30:00 Asia/Kolkata" in (await run("slos", "show", "slos/search-by-quarter")).out
    assert "95 %" in (await run("slos", "show", "reports-good-minutes")).out
    listed = (await run("slos", "list", "--component", "search")).out
    assert "2 weeks from" in listed
    assert "5 SLOs" in listed
    assert "0 SLOs" in (await run("slos", "list", "--team", "nobody")).out


async def test_revisions_are_listed_and_a_deletion_is_one(run: Run) -> None:
    await run("slos", "import", "-", stdin=yaml_of([slo()]))
    await run("slos", "import", "-", stdin=yaml_of([slo(objectives=[{"target": 0.999}])]))
    assert (await run("slos", "delete", "answers", "--etag", "v1")).code == ExitCode.CONFLICT
    assert "slos/answers is deleted" in (await run("slos", "delete", "answers", "--etag", "v2")).out
    assert (await run("slos", "show", "answers")).code == ExitCode.NOT_FOUND
    assert "99 %" in (await run("slos", "show", "answers", "--revision", "1")).out
    told = [each.split() for each in (await run("slos", "revisions", "answers")).out.splitlines() if each.strip()[:1].isdigit()]
    assert [(row[0], row[-1]) for row in told] == [("3", "deleted"), ("2", "d"), ("1", "d"), ("3", "revisions")]


async def test_documents_of_other_kinds_are_listed_and_printed(run: Run) -> None:
    await run("slos", "import", SHOP)
    listed = (await run("slos", "documents", "--kind", "SLI")).out
    assert "sloDocuments/SLI.checkout-requests" in listed
    assert "1 document" in listed
    text = (await run("slos", "document", "DataSource.shop-prometheus")).out
    assert read_bundle(text)[0].tree["spec"]["connectionDetails"]["url"] == "http://127.0.0.1:9090"
    assert (await run("slos", "document", "DataSource.shop-prometheus", "--revision", "2")).code == ExitCode.NOT_FOUND
    assert (await run("slos", "document", "checkout-availability", "--json")).data["document"]["kind"] == "SLO"


async def test_what_cannot_be_read_is_refused_by_reason(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "slos.yaml"
    assert "FILE_UNREADABLE" in (await run("slos", "import", str(file))).err
    file.write_bytes(b"\xff\xfe")
    assert "SLO_FILE_INVALID" in (await run("slos", "import", str(file))).err
    file.write_bytes(b"#" * (1024 * 1024 + 1))
    assert "SLO_FILE_INVALID" in (await run("slos", "import", str(file))).err
    file.write_bytes(b"")
    empty = await run("slos", "import", str(file))
    assert (empty.code, "no documents" in empty.out) == (0, True)
    for name in ("Answers", "sloDocuments/answers", "SLI.No"):
        assert "NAME_INVALID" in (await run("slos", "document", name)).err
