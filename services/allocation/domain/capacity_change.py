"""Changes of capacity: bringing the hours of the split in force up to date while its share stays."""

from services.allocation.domain.decision import CAPACITY, Decision, DecisionTerm
from services.allocation.domain.decision_inputs import inputs_of
from services.allocation.domain.quantity import figure
from services.allocation.domain.rule import Occasion, Weighing, assembled, settled
from services.allocation.domain.situation import Situation
from services.allocation.domain.term import baseline_term


def restated(situation: Situation, occasion: Occasion) -> Decision | None:
    """Returns the decision by which the present sprint's split has the capacity there is now; None where it has.

    A team without a split in the present sprint has none to restate: its next decision stands on the capacity of then.
    """
    held, team = situation.split, situation.team
    sprint = team.cadence.sprint_at(occasion.now)
    if held is None or held.sprint_number != sprint.number or held.capacity_hours == team.capacity_in(sprint):
        return None
    share = held.remediation_share
    change = f"Its capacity was {figure(held.capacity_hours)} h and is {figure(team.capacity_in(sprint))} h; the share stays."
    weighing = Weighing(
        share_before=share,
        terms=(baseline_term(situation.policy), DecisionTerm(CAPACITY, share - situation.policy.baseline_share, False, change)),
        inputs=inputs_of(situation, occasion.now, share, ()),
    )
    return settled(assembled(situation, occasion, weighing, ()), (), occasion)
