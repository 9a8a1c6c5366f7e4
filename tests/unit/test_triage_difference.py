"""In what a revision differs from the one before."""

from dataclasses import replace

from hypothesis import given

from services.triage.domain.component import Tier
from services.triage.domain.difference import differences
from services.triage.domain.human_override import HumanOverride
from services.triage.domain.severity import Severity
from tests.support.triage import MONDAY_NOON, assessed, component, incident, situations


def test_equal_findings_differ_in_nothing() -> None:
    finding = assessed(incident("web"), component())
    assert differences(finding, finding) == ()


def test_a_term_that_moved_says_from_what_to_what_and_by_how_many_points() -> None:
    before, after = (assessed(incident("web", users_affected=count), component()) for count in (10, 100_000))
    told = {each.subject: each for each in differences(before, after)}
    moved = told["users_affected"]
    assert (moved.before, moved.after) == ("10", "100,000")
    assert moved.points == after.verdict.score.points - before.verdict.score.points > 0


def test_the_severity_comes_first_and_a_persons_word_is_told() -> None:
    finding = assessed(incident("web"), component(tier=Tier.LOW))
    said = replace(finding, human_override=HumanOverride(Severity.SEV1, "I saw it", "ada", MONDAY_NOON))
    told = differences(finding, said)
    assert [each.subject for each in told] == ["severity", "human_override"]
    assert (told[0].after, told[1].after) == ("SEV1", "SEV1, ada: I saw it")


@given(situations(), situations())
def test_the_points_that_terms_moved_by_add_up_to_the_difference_of_the_scores(one: tuple, other: tuple) -> None:  # type: ignore[type-arg]
    before, after = (assessed(each[0], *each[1].known, dependents=each[1].dependents) for each in (one, other))
    assert sum(each.points for each in differences(before, after)) == after.verdict.score.points - before.verdict.score.points
