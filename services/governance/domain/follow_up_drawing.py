"""The rules of which nodes and edges show what came of incidents and decisions: error budgets, duties and work."""

from services.governance.domain.drawing import Drawing
from services.governance.domain.fact import BudgetFact, DutyFact, WorkFact
from services.governance.domain.lineage import Edge, Node, NodeKind, Relation, one_line
from services.governance.domain.measure import share_text


def drawing_of_follow_up(fact: BudgetFact | DutyFact | WorkFact) -> Drawing:
    match fact:
        case BudgetFact():
            return _drawing_of_budget(fact)
        case DutyFact():
            return _drawing_of_duty(fact)
        case WorkFact():
            return _drawing_of_work(fact)


def _drawing_of_budget(fact: BudgetFact) -> Drawing:
    """One node for each objective, titled by where it stands; where it stood stays in the entries about it."""
    step = f", {fact.step}" if fact.step else ""
    own = Node(fact.name, NodeKind.KPI_VALUE, one_line(f"error budget of {fact.slo}: {share_text(fact.remaining)} remaining{step}"))
    return Drawing(
        own, (Node(fact.component, NodeKind.COMPONENT),), (Edge(fact.component, fact.name, Relation.MEASURED_IN, {"slo": fact.slo}),)
    )


def _drawing_of_duty(fact: DutyFact) -> Drawing:
    title = f"post-mortem due: {share_text(fact.share)} of the four-week budget of {fact.slo} used"
    attributes = {"slo": fact.slo, "objective": str(fact.objective), "share": f"{fact.share:.6g}"}
    return Drawing(
        Node(fact.name, NodeKind.DUTY, one_line(title)),
        (Node(fact.incident, NodeKind.INCIDENT),),
        (Edge(fact.incident, fact.name, Relation.CALLS_FOR, attributes),),
    )


def _drawing_of_work(fact: WorkFact) -> Drawing:
    """Who did it, and what they noted, stays in the ledger only: it may have to be erased."""
    return Drawing(
        None,
        (
            *(Node(each.name, NodeKind.WORK_RECORD, one_line(f"{each.hours:g} h of {each.team}"), is_known=True) for each in fact.records),
            *(Node(each.purpose, NodeKind.INCIDENT if each.is_remediation else NodeKind.ROADMAP_ITEM) for each in fact.records),
        ),
        tuple(Edge(each.purpose, each.name, Relation.TOOK_WORK, {"hours": f"{each.hours:g}", "team": each.team}) for each in fact.records),
    )
