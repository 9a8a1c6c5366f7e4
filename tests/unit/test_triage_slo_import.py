"""What imports leave behind: the same whatever the order and the parts in which documents come."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.triage.domain.openslo_rule import Remark
from services.triage.domain.openslo_tree import Tree, yaml_of
from services.triage.domain.slo import Slo
from services.triage.domain.slo_bundle import read_bundle
from services.triage.domain.slo_document import Key, StoredDocument
from services.triage.domain.slo_import import Held, ImportOutcome, ImportPlan, KeptSlo, Occasion, plan_import
from tests.conftest import START
from tests.support.slos import data_source, patient, sli, slo

DOCUMENTS = [
    data_source(),
    data_source("spare", "http://spare:9090"),
    sli(),
    sli("slow", "spare", "quick_total"),
    slo(),
    slo("slow", indicatorRef="slow"),
    slo("both", indicatorRef="answers", objectives=[{"target": 0.9}, {"target": 0.95}]),
]


@dataclass(slots=True)
class Shelves:
    """What is held, all of which concerns every import."""

    documents: dict[Key, StoredDocument] = field(default_factory=dict)
    slos: dict[Key, KeptSlo] = field(default_factory=dict)
    count: int = 0

    def take(self, *trees: Tree) -> ImportPlan:
        self.count += 1
        occasion = Occasion("ada", START + timedelta(minutes=self.count))
        plan = plan_import(read_bundle(yaml_of(trees)), Held(self.documents, self.slos, {}), occasion)
        self.documents |= {each.key: each for each in plan.changed_documents}
        self.slos |= {each.document.key: each for each in plan.changed_slos}
        return plan

    @property
    def meant(self) -> dict[Key, Slo]:
        return {key: kept.stored.slo for key, kept in self.slos.items()}


def test_of_a_refused_document_nothing_is_said_to_be_kept() -> None:
    without_window = slo("bad", objectives=[{"target": 2}], timeWindow=None)
    refused, twice, good = read_bundle(yaml_of([without_window, sli(), slo("good", timeWindow=None)]))
    assert (bool(refused.problems), refused.kept, good.problems, bool(good.kept)) == (True, (), (), True)
    assert not twice.refused(Remark(("spec",), "is refused later")).kept


def parts_of(trees: Sequence[Tree], cuts: set[int]) -> list[Sequence[Tree]]:
    marks = [0, *sorted(cuts), len(trees)]
    return [trees[begin:end] for begin, end in pairwise(marks) if end > begin]


@patient
@given(st.permutations(DOCUMENTS), st.sets(st.integers(1, len(DOCUMENTS) - 1)))
def test_slos_mean_the_same_in_whatever_order_and_parts_documents_come(trees: list[Tree], cuts: set[int]) -> None:
    at_once, by_parts = Shelves(), Shelves()
    at_once.take(*DOCUMENTS)
    for part in parts_of(trees, cuts):
        by_parts.take(*part)
    assert by_parts.meant == at_once.meant
    assert all(each.indicator.good and each.indicator.good.type == "Prometheus" for each in by_parts.meant.values())


@patient
@given(st.permutations(DOCUMENTS), st.integers(1, len(DOCUMENTS)))
def test_what_is_imported_again_changes_nothing(trees: list[Tree], count: int) -> None:
    held = Shelves()
    held.take(*trees)
    before = (dict(held.documents), dict(held.slos))
    plan = held.take(*trees[:count])
    assert {each.outcome for each in plan.documents} == {ImportOutcome.SAME}
    assert (plan.changed_documents, plan.changed_slos, plan.resolved) == ((), (), ())
    assert (held.documents, held.slos) == before


def test_an_slo_keeps_when_it_was_first_stored_and_says_who_changed_it_when() -> None:
    held = Shelves()
    held.take(slo())
    held.take(slo(description="more"))
    (kept,) = held.slos.values()
    stored = kept.stored
    assert (stored.revision, stored.create_time, stored.update_time) == (2, START + timedelta(minutes=1), START + timedelta(minutes=2))


def test_a_document_refused_leaves_the_one_held_in_force() -> None:
    held = Shelves()
    held.take(*DOCUMENTS)
    before = held.meant
    broken = sli()
    broken["spec"]["ratioMetric"].pop("total")
    plan = held.take(broken, slo())
    assert [each.outcome for each in plan.documents] == [ImportOutcome.REFUSED, ImportOutcome.SAME]
    assert not plan.documents[1].missing[1:]  # but for the service, which is told of nowhere
    assert held.meant == before
