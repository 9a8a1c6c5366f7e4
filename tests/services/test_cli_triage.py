"""`ballast queue`, `matrix` and `gates` against a running triage: what they print, and how they end when refused."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from ballast.triage.v1 import component_pb2
from ballast.triage.v1 import severity_matrix_pb2 as matrix_pb
from ballast.triage.v1 import triage_service_pb2 as triage_pb

from clients.cli.failures import ExitCode
from shared.clock import SimulatedClock
from shared.embedded import Engines
from tests.support.command import Ran, ballast
from tests.support.triaging import INFORMATION, OUTAGE, RESOLVED, Suite, deliver, incident, opened, triage_serving

Run = Callable[..., Awaitable[Ran]]
GATES = """
rules:
- name: payments
  condition: '"pay" in incident.components'
  reason: Money is at stake.
  elevate_to: sev1
  playbook: incident-response
- name: never
  condition: incident.users_affected < 0
  reason: It cannot be.
  page: true
"""


@pytest.fixture
async def suite(own_urls: dict[str, str], engines: Engines, clock: SimulatedClock) -> AsyncIterator[Suite]:
    async with triage_serving(own_urls, engines, clock) as running:
        yield running


@pytest.fixture
async def run(suite: Suite) -> Run:
    async def run(*arguments: str, stdin: str = "") -> Ran:
        return await asyncio.to_thread(ballast, *arguments, "--triage-address", suite.app.server.address, stdin=stdin)

    return run


async def test_the_queue_shows_what_waits_the_costliest_first(suite: Suite, run: Run) -> None:
    dear, mild, over = (
        incident("pay", title="Payments fail", **OUTAGE),
        incident("mail", title="Mail is late", **INFORMATION),
        incident("pay", title="It was late", state=RESOLVED),
    )
    await deliver(suite, *(opened(each) for each in (mild, over, dear)))
    ran = await run("queue", "list")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.index("Payments fail") < ran.out.index("Mail is late")
    assert ("It was late" in ran.out, "6,000.00 USD" in ran.out, "2 incidents" in ran.out) == (False, True, True)
    assert "It was late" in (await run("queue", "list", "--all")).out
    assert "Mail is late" not in (await run("queue", "list", "--team", "money")).out


async def test_a_person_overrides_and_withdraws_and_both_are_listed(suite: Suite, run: Run) -> None:
    happened = incident("pay", **OUTAGE)
    await deliver(suite, opened(happened))
    ran = await run("queue", "override", happened.name, "sev4", "--reason", "only the test shop")
    assert (ran.code, ran.out.startswith("SEV4")) == (0, True)
    assert "only the test shop" in ran.out
    assert (await run("queue", "override", happened.name, "sev1", "--reason", "no", "--etag", "v1")).code == ExitCode.CONFLICT
    assert (await run("queue", "withdraw", happened.name, "--reason", "it spread")).code == 0
    listed = await run("queue", "overrides")
    assert listed.out.index("it spread") < listed.out.index("only the test shop")
    assert "withdrawn" in listed.out


async def test_the_queue_is_watched_as_it_changes(suite: Suite, run: Run) -> None:
    await deliver(suite, opened(incident("pay", title="Payments fail", **OUTAGE)))
    watching: asyncio.Future[Ran] = asyncio.ensure_future(run("queue", "watch", "--count", "1"))
    for _ in range(50):
        await deliver(suite, opened(incident("mail", title="Mail is late", **INFORMATION)))
        if (await asyncio.wait({watching}, timeout=0.2))[0]:
            break
    assert "Mail is late" in (await watching).out


async def test_a_matrix_is_shown_tried_edited_and_set(suite: Suite, run: Run) -> None:
    await deliver(suite, opened(incident("mail", title="Mail is late", **INFORMATION)))
    shown = await run("matrix", "show")
    assert all(part in shown.out for part in ("SEV1", "high (from 17", "restore within", "revision", "1 h"))
    document = (await run("matrix", "show", "--yaml")).out
    stricter = document.replace("- -3.0", "- -99.0").replace("- 17.0", "- -90.0")
    assert stricter != document
    tried = await run("matrix", "try", "-", stdin=stricter)
    assert ("Mail is late" in tried.out, "nothing was changed" in tried.out) == (True, True)
    ran = await run("matrix", "set", "-", "--reason", "stricter", stdin=stricter)
    assert (ran.code, "stricter" in ran.out, "no revision was made" in ran.out) == (0, True, False)
    checked = await run("matrix", "set", "-", "--reason", "x", "--validate-only", stdin=document)
    assert (checked.code, "only validated: nothing was changed, revision 2 is in force" in checked.out) == (0, True)
    same = await run("matrix", "set", "-", "--reason", "x", stdin=stricter)
    assert "the same as revision 2, which is in force: no revision was made" in same.out
    assert "stricter" in (await run("matrix", "revisions")).out
    assert (await run("matrix", "set", "-", "--reason", "x", "--etag", "v1", stdin=document)).code == ExitCode.CONFLICT


async def test_gates_are_tried_set_and_shown(suite: Suite, run: Run) -> None:
    await deliver(suite, opened(incident("pay", title="Payments fail", **INFORMATION)))
    tried = await run("gates", "try", "-", stdin=GATES)
    assert all(part in tried.out for part in ("Payments fail", "matched nothing", "1 incident differs of 1")), tried
    assert (await run("gates", "set", "-", "--reason", "money first", stdin=GATES)).code == 0
    shown = await run("gates", "show")
    assert all(part in shown.out for part in ("money first", "at least SEV1, playbook incident-response", "2 rules"))
    again = (await run("gates", "show", "--yaml")).out
    same = await run("gates", "set", "-", "--reason", "the same", stdin=again)
    assert "the same as revision 2, which is in force: no revision was made" in same.out
    checked = await run("gates", "set", "-", "--reason", "none", "--validate-only", stdin="rules: []")
    assert "only validated: nothing was changed, revision 2 is in force" in checked.out
    assert (await run("gates", "set", "-", "--reason", "the same", "--json", stdin=again)).data["gates"]["revision"] == "2"
    assert "money first" in (await run("gates", "revisions")).out
    assert "incident.users_affected" in (await run("gates", "facts")).out


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ("rules: [", "line 1, column"),
        ("- one", "no mapping of fields"),
        ("rules: [{nam: x}]", "rules[0].nam: is no field; there are name, condition"),
        ("rules: [{name: x, condition: 'incident.users > 1', reason: y, page: true}]", "line 1, column 9: undeclared reference"),
        ("rules: [{name: x, condition: 'true', reason: y}]", "has no effect"),
    ],
)
async def test_gates_that_cannot_be_asked_are_refused_saying_where(run: Run, document: str, why: str) -> None:
    ran = await run("gates", "set", "-", "--reason", "x", stdin=document)
    assert ran.code == ExitCode.REFUSED, ran
    assert why in ran.err


@pytest.mark.parametrize("what", ["matrix", "gates"])
async def test_an_empty_reason_or_etag_is_refused_and_nothing_is_changed(run: Run, tmp_path: Path, what: str) -> None:
    document = tmp_path / "document.yaml"
    document.write_text(GATES if what == "gates" else (await run("matrix", "show", "--yaml")).out.replace("16.0", "15.0"))
    for reason in ("", " \t "):
        ran = await run(what, "set", str(document), "--reason", reason)
        assert (ran.code, f"{what}.reason: is empty; say why" in ran.err) == (ExitCode.REFUSED, True), ran.err
    ran = await run(what, "set", str(document), "--reason", "tried", "--etag", "")
    assert (ran.code, "--etag: is empty" in ran.err, "ETAG_EMPTY" in ran.err) == (ExitCode.REFUSED, True, True), ran.err
    assert len((await run(what, "revisions", "--json")).data["gates" if what == "gates" else "matrices"]) == 1
    assert (await run(what, "set", str(document), "--reason", "tried", "--etag", "v1")).code == 0


@pytest.mark.parametrize("saying", [("override", "SEV2"), ("withdraw",)])
async def test_a_severity_is_not_given_or_taken_back_without_a_reason(suite: Suite, run: Run, saying: tuple[str, ...]) -> None:
    happened = incident("pay", title="Payments fail", **OUTAGE)
    await deliver(suite, opened(happened))
    command, *severity = saying
    ran = await run("queue", command, happened.name, *severity, "--reason", "  ")
    assert (ran.code, "reason: is empty; say why" in ran.err) == (ExitCode.REFUSED, True), ran.err


async def test_a_forecast_says_when_it_cannot_tell_and_escalations_are_listed(suite: Suite, run: Run, clock: SimulatedClock) -> None:
    happened = incident("pay", title="Payments fail", at=clock.now(), **OUTAGE)
    await deliver(suite, opened(happened))
    ahead = await run("queue", "forecast", happened.name)
    assert (ahead.code, "cannot tell: 0 incidents" in ahead.out) == (0, True)
    clock.advance(clock.now() + timedelta(days=1))
    await suite.app.tick()
    listed = await run("queue", "escalations")
    assert all(part in listed.out for part in ("The time to restore, 1 h, has passed.", "100 %", "1 escalation")), listed.out


async def test_what_if_is_asked_of_an_incident_or_of_none(suite: Suite, run: Run) -> None:
    happened = incident("pay", **INFORMATION)
    await deliver(suite, opened(happened))
    ran = await run("assessments", "what-if", "service_impact=outage", "users_affected=5000", "--incident", happened.name)
    assert all(part in ran.out for part in ("supposed", "what differs from how it is assessed now", "5,000", "outage")), ran
    free = await run("assessments", "what-if", "tier=critical", "workaround=no", "burn_rate=unknown", "--component", "nowhere")
    assert all(part in free.out for part in ("critical", "unknown components", "nowhere")), free
    for wrong, why in (("users_affected", "no change"), ("luck=1", "is no input"), ("tier=gold", "one of low, medium, high, critical")):
        refused = await run("assessments", "what-if", wrong)
        assert (refused.code, why in refused.err) == (ExitCode.REFUSED, True), refused


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("matrix", "show", "--revision", "99999999999999999999"), "Invalid value"),
        (("gates", "show", "--revision", "99999999999999999999"), "Invalid value"),
        (("components", "blast", "pay", "--depth", "99999999999"), "Invalid value"),
        (("budgets", "burn-down", "none", "--objective", "99999999999"), "Invalid value"),
        (("components", "blast", "pay", "--svg", "/nowhere/x.svg"), "give a file in a folder that is there"),
        (("budgets", "burn-down", "none", "--svg", "/nowhere/x.svg"), "give a file in a folder that is there"),
    ],
)
async def test_numbers_and_files_that_cannot_be_are_refused_and_crash_nothing(run: Run, arguments: tuple[str, ...], why: str) -> None:
    ran = await run(*arguments)
    assert (ran.code, why in ran.err) == (ExitCode.REFUSED, True), ran


async def test_a_severity_that_there_is_not_is_refused_with_those_there_are(run: Run) -> None:
    ran = await run("gates", "try", "-", stdin="rules: [{name: x, condition: 'true', reason: y, elevate_to: sev9}]")
    assert (ran.code, "rules[0].elevate_to: is 'sev9'; write sev1, sev2" in ran.err) == (ExitCode.REFUSED, True), ran


async def test_a_component_shows_its_floors(suite: Suite, run: Run) -> None:
    floor = component_pb2.SeverityFloor(
        severity=matrix_pb.SEVERITY_SEV1, measure=component_pb2.SEVERITY_MEASURE_USERS_AFFECTED, at_least=5_000
    )
    component = component_pb2.Component(name="components/floored", severity_floors=[floor])
    await suite.triage.UpsertComponents(triage_pb.UpsertComponentsRequest(components=[component]))
    assert "SEV1 from 5,000 users affected" in (await run("components", "show", "floored")).out
