"""Pages of incidents: statements whose cost is that of the page, however many incidents lie behind it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Select, Subquery, Text, func, literal, select, true, tuple_
from sqlalchemy.dialects.postgresql import ARRAY, SMALLINT

from services.intake.domain.errors import OrderByInvalid
from services.intake.domain.incident import IncidentState
from services.intake.storage.tables import incident, incident_component
from shared.errors import Violation
from shared.paging import PageQuery

FEW = 10_000  # incidents that are read and sorted in some 40 ms
_COLUMNS = {"opened_at": incident.c.opened_at, "update_time": incident.c.updated_at, "alert_count": incident.c.alert_count}


@dataclass(frozen=True, slots=True)
class IncidentQuery:
    """Which incidents to list, and in which order; empty conditions hold for all."""

    states: tuple[IncidentState, ...] = ()
    components: tuple[str, ...] = ()
    opened_from: datetime | None = None
    opened_before: datetime | None = None
    order_by: str = "opened_at desc"


@dataclass(frozen=True, slots=True)
class Order:
    """A column and a direction; ids decide between equals."""

    column: Column[Any]
    descending: bool

    def cursor(self, row: Any) -> str:
        return str(getattr(row, self.column.name))

    def after(self, value: ColumnElement[Any], identifier: ColumnElement[Any], cursor: tuple[str, ...]) -> ColumnElement[bool]:
        """Returns the condition that a row with these comes after the place of the cursor."""
        key = tuple_(value, identifier)
        place = (int(cursor[0]) if self.column is incident.c.alert_count else datetime.fromisoformat(cursor[0]), UUID(cursor[1]))
        return key < place if self.descending else key > place

    def by(self, value: ColumnElement[Any], identifier: ColumnElement[Any]) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        return (value.desc(), identifier.desc()) if self.descending else (value, identifier)


def order_of(order_by: str) -> Order:
    """Reads an order. Raises OrderByInvalid."""
    name, _, direction = (order_by or "opened_at desc").partition(" ")
    if name not in _COLUMNS or direction not in {"", "asc", "desc"}:
        description = f"{order_by!r} is no order; use one of {', '.join(_COLUMNS)}, with ` desc` if wanted"
        raise OrderByInvalid(f"order_by: {description}", [Violation("order_by", description)])
    return Order(_COLUMNS[name], direction == "desc")


def few_statement(query: IncidentQuery, order: Order) -> "Select[bool] | None":
    """Returns the statement that tells whether the components have FEW incidents at most; None where a page does not depend on it."""
    if not query.components or order.column is incident.c.opened_at:
        return None
    probe = _named(query).limit(FEW + 1).subquery("probe")
    return select(func.count() <= FEW).select_from(probe)


def page_statement(query: IncidentQuery, order: Order, paging: PageQuery, *, few: bool = False) -> "Select[Any]":
    """Returns the statement that reads a page; `few` is what `few_statement` told.

    By opening, incidents of some states or components are read from an index for each wanted state (of each component), in
    order and no more than a page, and put together: a filter on one index would walk past all that it leaves out, and a list of
    matches sorted afterwards grows with the history. In the other orders no such index serves, and it would have to be kept anew
    with each batch of alerts: there the components' incidents are sorted when they are few, and else met soon by going through
    all in that order.
    """
    narrowed = bool(query.states or query.components)
    if not narrowed or order.column is not incident.c.opened_at:
        statement = _filtered(query, few=few)
        if paging.cursor:
            statement = statement.where(order.after(order.column, incident.c.id, paging.cursor))
        return statement.order_by(*order.by(order.column, incident.c.id)).limit(paging.limit)
    found = (_by_component if query.components else _by_state)(query, order, paging)
    return select(incident).join(found, found.c.id == incident.c.id).order_by(*order.by(incident.c.opened_at, incident.c.id))


def _filtered(query: IncidentQuery, *, few: bool) -> "Select[Any]":
    statement = select(incident).where(*_opened(query, incident.c.opened_at))
    if query.states:
        statement = statement.where(incident.c.state.in_([state.value for state in query.states]))
    if query.components:
        # An array is read first; a subquery leaves it to the planner, which for rare components goes through all incidents instead.
        named = _named(query).scalar_subquery()
        statement = statement.where(incident.c.id == func.any(func.array(named)) if few else incident.c.id.in_(named))
    return statement


def _named(query: IncidentQuery) -> "Select[UUID]":
    """Returns the statement that reads the ids of incidents that name one of the components; one that names two comes twice."""
    statement = select(incident_component.c.incident_id).where(
        incident_component.c.component.in_(query.components), *_opened(query, incident_component.c.opened_at)
    )
    if query.states:
        statement = statement.where(incident_component.c.state.in_([state.value for state in query.states]))
    return statement


def _by_state(query: IncidentQuery, order: Order, paging: PageQuery) -> Subquery:
    wanted = func.unnest(_states(query)).table_valued("state", name="wanted").render_derived()
    each = (
        select(incident.c.id, incident.c.opened_at)
        .where(incident.c.state == wanted.c.state, *_window(query, order, paging, incident.c.opened_at, incident.c.id))
        .order_by(*order.by(incident.c.opened_at, incident.c.id))
        .limit(paging.limit)
        .lateral("each")
    )
    return _first(select(each.c.id, each.c.opened_at).select_from(wanted.join(each, true())), order, paging)


def _by_component(query: IncidentQuery, order: Order, paging: PageQuery) -> Subquery:
    states = func.unnest(_states(query)).table_valued("state", name="wanted_state").render_derived()
    components = (
        func.unnest(literal(list(dict.fromkeys(query.components)), ARRAY(Text)))
        .table_valued("component", name="wanted_component")
        .render_derived()
    )
    opened_at, identifier = incident_component.c.opened_at, incident_component.c.incident_id
    each = (
        select(identifier.label("id"), opened_at)
        .where(
            incident_component.c.component == components.c.component,
            incident_component.c.state == states.c.state,
            *_window(query, order, paging, opened_at, identifier),
        )
        .order_by(*order.by(opened_at, identifier))
        .limit(paging.limit)
        .lateral("each")
    )
    wanted = components.join(states, true()).join(each, true())
    # An incident that names two of the components is found twice.
    return _first(select(each.c.id, each.c.opened_at).select_from(wanted).distinct(), order, paging)


def _first(found: "Select[Any]", order: Order, paging: PageQuery) -> Subquery:
    all_found = found.subquery("found")
    return select(all_found).order_by(*order.by(all_found.c.opened_at, all_found.c.id)).limit(paging.limit).subquery("page")


def _states(query: IncidentQuery) -> ColumnElement[Any]:
    return literal([state.value for state in query.states or tuple(IncidentState)], ARRAY(SMALLINT))


def _window(
    query: IncidentQuery, order: Order, paging: PageQuery, opened_at: ColumnElement[Any], identifier: ColumnElement[Any]
) -> list[ColumnElement[bool]]:
    conditions = _opened(query, opened_at)
    return [*conditions, order.after(opened_at, identifier, paging.cursor)] if paging.cursor else conditions


def _opened(query: IncidentQuery, opened_at: ColumnElement[Any]) -> list[ColumnElement[bool]]:
    conditions = []
    if query.opened_from is not None:
        conditions.append(opened_at >= query.opened_from)
    if query.opened_before is not None:
        conditions.append(opened_at < query.opened_before)
    return conditions
