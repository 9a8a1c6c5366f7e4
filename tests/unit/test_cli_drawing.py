"""Drawings of assessments, decisions, lineage, the ledger's verdict and a decision's story."""

import re
from decimal import Decimal

from ballast.allocation.v1 import allocation_messages_pb2, decision_pb2, decision_service_pb2, roadmap_item_pb2
from ballast.governance.v1 import governance_service_pb2, ledger_pb2, lineage_pb2
from ballast.triage.v1 import assessment_pb2, severity_matrix_pb2
from hypothesis import given
from hypothesis import strategies as st

from clients.cli.assessments import draw_assessment, draw_terms
from clients.cli.decision_drawing import draw_decision, draw_explanation, draw_list
from clients.cli.decision_drawing import draw_terms as draw_decision_terms
from clients.cli.ledger_drawing import draw_verdict, fits
from clients.cli.lineage_arguments import Direction
from clients.cli.lineage_drawing import Lineage, draw_lineage
from clients.cli.trace import Story, draw_story
from tests.support.terminal import seen, seen_all

FIGURE = re.compile(r"[+-]?\d+\.\d+")


def assessment(*points: float, offset: float = 50, factor: float = 8) -> assessment_pb2.Assessment:
    terms = [
        assessment_pb2.ScoreTerm(
            feature=f"feature_{index}", axis=assessment_pb2.AXIS_IMPACT, value="v", contribution=each / factor, points=each
        )
        for index, each in enumerate(points)
    ]
    odds = sum(term.contribution for term in terms)
    return assessment_pb2.Assessment(
        name="assessments/1",
        title="Checkout is slow",
        severity=severity_matrix_pb2.SEVERITY_SEV2,
        terms=terms,
        offset=offset,
        factor=factor,
        log_odds=odds,
        score=offset + factor * odds,
    )


def last_figures(drawn: str) -> list[Decimal]:
    """Returns the last figure of each row that has one: the column that must add up, and its sum as the last of them."""
    return [Decimal(found[-1]) for line in drawn.splitlines() if (found := FIGURE.findall(line))]


@given(st.lists(st.integers(-5000, 5000).map(lambda grain: grain / 1024), max_size=12))
def test_the_points_drawn_sum_to_the_score_drawn(points: list[float]) -> None:
    *parts, score = last_figures(seen(draw_terms(assessment(*points))))
    assert len(parts) >= len(points) + 1
    assert sum(parts) == score


def test_an_assessment_shows_its_severity_and_what_would_alter_it() -> None:
    one = assessment(3.5)
    one.counterfactuals.add(text="drops to SEV3 if fewer than 1,200 users are affected")
    one.overrides.add(reason="DATA_LOSS", at_least=severity_matrix_pb2.SEVERITY_SEV2, applied=True)
    drawn = seen_all(draw_assessment(one))
    assert drawn.startswith("SEV2  Checkout is slow")
    assert "fewer than 1,200 users" in drawn
    assert "DATA_LOSS" in drawn


def decision(*shares: float) -> decision_pb2.Decision:
    built = decision_pb2.Decision(
        name="decisions/1",
        team="teams/core",
        outcome=decision_pb2.DECISION_OUTCOME_RAISED,
        explanation="Because.",
        terms=[decision_pb2.DecisionTerm(term=f"term_{index}", share=each, fired=True, reason="why") for index, each in enumerate(shares)],
        requested_share=sum(shares),
        trace_id="ab" * 16,
    )
    built.before.remediation_share = 1 / 3
    built.after.remediation_share = 0.4
    item = roadmap_item_pb2.DisplacedItem(roadmap_item="roadmapItems/a", title="A")
    item.delay.FromSeconds(14 * 86_400)
    item.value_at_risk.currency_code, item.value_at_risk.units = "USD", 34_000
    built.impact.displaced.append(item)
    built.impact.value_at_risk.CopyFrom(item.value_at_risk)
    built.incidents.add(incident="incidents/1", assessment="assessments/1", severity=2, open=True, trace_id="cd" * 16)
    return built


@given(st.lists(st.integers(-1_000_000, 1_000_000).map(lambda millionths: millionths / 1e6), min_size=1, max_size=6))
def test_the_shares_drawn_sum_to_the_share_asked_for(shares: list[float]) -> None:
    *parts, requested = last_figures(seen(draw_decision_terms(decision(*shares))))
    assert len(parts) >= len(shares)
    assert sum(parts) == requested


def test_a_decision_shows_every_table_it_has() -> None:
    one = decision(1 / 3, 0.1)
    one.inputs.add(input="incident_count", value=3, unit="incidents", sample_count=3)
    one.bounds.add(bound="largest_step", before_share=0.433, after_share=0.4, reason="at most 6.7 % at once")
    drawn = seen_all(draw_decision(one))
    for part in (
        "33.3 % → 40.0 %",
        "incident_count",
        "largest_step",
        "SEV2",
        "roadmapItems/a",
        "14 d",
        "34,000.00 USD",
        "beyond the horizon",
    ):
        assert part in drawn


def test_a_list_that_leaves_decisions_out_says_so() -> None:
    response = allocation_messages_pb2.ListDecisionsResponse(decisions=[decision(0.3)], next_page_token="more")
    assert "raise --limit" in seen_all(draw_list(response))
    response.next_page_token = ""
    assert "raise --limit" not in seen_all(draw_list(response))


def edge(begin: str, end: str) -> lineage_pb2.LineageEdge:
    return lineage_pb2.LineageEdge(from_name=begin, to_name=end, relation=lineage_pb2.LINEAGE_RELATION_WEIGHED_IN)


def lineage_of(start: str, *edges: tuple[str, str]) -> Lineage:
    found = Lineage(start)
    names = {name for pair in edges for name in pair}
    response = governance_service_pb2.TraceLineageResponse(
        nodes=[lineage_pb2.LineageNode(name=each, title=f"title of {each}") for each in sorted(names)],
        edges=[edge(*pair) for pair in edges],
    )
    found.add(response)
    return found


def test_lineage_is_drawn_both_ways() -> None:
    drawn = seen(draw_lineage(lineage_of("b/1", ("a/1", "b/1"), ("b/1", "c/1")), [Direction.UPSTREAM, Direction.DOWNSTREAM]))
    before, after = drawn.split("what it led to")
    assert "a/1  title of a/1" in before
    assert "c/1" not in before
    assert "c/1  title of c/1" in after
    assert "a/1" not in after


def test_a_node_reached_twice_is_opened_once_and_a_cycle_ends() -> None:
    drawn = seen(
        draw_lineage(
            lineage_of("a/1", ("a/1", "b/1"), ("a/1", "c/1"), ("b/1", "d/1"), ("c/1", "d/1"), ("d/1", "a/1")), [Direction.DOWNSTREAM]
        )
    )
    assert drawn.count("d/1  title") == 2
    assert drawn.count("(above)") == 2


def verdict(**fields: object) -> governance_service_pb2.VerifyLedgerResponse:
    return governance_service_pb2.VerifyLedgerResponse(**fields)  # type: ignore[arg-type]


def test_only_a_last_answer_without_fault_says_that_the_ledger_fits() -> None:
    fault = ledger_pb2.LedgerFault(sequence=7, reason="HASH_MISMATCH", detail="found a, expected b")
    assert fits(verdict(done=True, verified_count=9))
    assert not fits(verdict(done=False, verified_count=9))
    assert not fits(verdict(done=True, fault=fault))
    assert "entry 7" in seen_all(draw_verdict(verdict(done=True, fault=fault)))
    assert "HASH_MISMATCH" in seen_all(draw_verdict(verdict(done=True, fault=fault)))
    assert "without a verdict" in seen_all(draw_verdict(verdict()))


def entry(sequence: int, kind: str, milliseconds: int) -> ledger_pb2.LedgerEntry:
    built = ledger_pb2.LedgerEntry(sequence=sequence, type=f"ballast.x.v1.{kind}", subject="x/1", principal="ada")
    built.event_time.FromMilliseconds(1_772_442_000_000 + milliseconds)
    return built


def test_a_story_tells_events_in_the_order_they_happened_with_offsets() -> None:
    entries = [entry(1, "IncidentOpened", 0), entry(3, "BundleRendered", 370), entry(4, "DecisionMade", 120)]
    drawn = seen(draw_story(Story(decision(1 / 3), entries, {"incidents/1": "Checkout is slow"})))
    order = re.findall(r"\+(\d\.\d{3}) s  (\w+)", drawn)
    assert order == [("0.000", "IncidentOpened"), ("0.120", "DecisionMade"), ("0.370", "BundleRendered")]
    assert "SEV2  incidents/1  Checkout is slow" in drawn
    assert "trace " + "cd" * 16 in drawn


def test_a_story_without_entries_says_why() -> None:
    assert "a moment after" in seen(draw_story(Story(decision(1 / 3), [], {})))


def test_an_explanation_shows_steps_that_sum_to_the_share_decided() -> None:
    told = decision_service_pb2.ExplainDecisionResponse(sentences=["It is proposed."])
    told.decision.after.remediation_share = 0.383333
    for name, change, share in (("baseline", 0.333333, 0.333333), ("open_incidents", 0.1, 0.433333), ("cap", -0.05, 0.383333)):
        told.steps.add(step=name, change=change, share=share, reason="Why.")
    drawn = seen_all(draw_explanation(told))
    assert "It is proposed." in drawn
    rows = [line for line in drawn.splitlines() if " % " in line]
    changes = [Decimal(FIGURE.findall(line)[0]) for line in rows[:3]]
    assert [sum(changes)] == [Decimal(FIGURE.findall(rows[-1])[-1])]
