"""What-ifs: an engineer's question, studied like any other and never decided on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid4

from django.db import transaction

from connections import queries as connections
from connections.models import Site
from connections.states import Role
from core import journal
from core.errors import NotThereError, Period, Refusal, RefusedError
from core.windows import ServiceWindow
from participants.permissions import check_may
from psa import what_if_rules as rules
from psa.further_rules import refusals_of_cases, refusals_of_checks
from psa.inputs import Gap, areas_below, gather
from psa.models import NetworkModel, Study
from psa.queries import can_be_studied_on, places_of_sites
from psa.questions import Change, OwnPower, Question, StudyOptions
from psa.services.studies import request_study
from psa.states import StudyKind


class Wished(NamedTuple):
    """What one site does: it gains (BOUGHT) or gives up (SOLD) so many kW."""

    site_id: int
    role: str
    kw: float


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What is asked. ``exclude_references`` are left out of the register, as a contract's own
    capacity is when the contract is studied differently.
    """

    model_id: int
    direction: str
    changes: tuple[Wished, ...]
    window: ServiceWindow
    options: StudyOptions = field(default_factory=StudyOptions)
    own_power: OwnPower | None = None
    exclude_references: tuple[UUID, ...] = ()
    beside: int | None = None  # a study of a TCVN or a registration: listed with it

    def question(self) -> Question:
        periods = self.window.periods()
        return Question(
            direction=self.direction,
            changes=tuple(
                Change(each.site_id, each.role, self.direction, each.kw, periods)
                for each in self.changes
            ),
            exclude_references=self.exclude_references,
            options=self.options,
            network_model_id=self.model_id,
            own_power=self.own_power,
        )


@transaction.atomic
def ask_what_if(*, wish: WhatIf, actor: journal.Actor, at: datetime) -> Study:
    """Queue a what-if. Nothing waits for it, nothing follows from it, and peers never see it.

    :raises NotThereError: if there is no such network model or site
    :raises RefusedError: with everything that is wrong, each with its field; if something has no
        forecast, and nothing is said to stand for it
    """
    check_may(actor, "psa.request_study")
    model = NetworkModel.objects.select_related("area").defer("network").filter(pk=wish.model_id)
    found = model.first()
    if found is None:
        raise NotThereError("network_model")
    refusals = list(rules.refusals_of_options(wish.options, wish.own_power))
    refusals += _refusals_of_checks(wish, found)
    if not can_be_studied_on(found):
        message = "Only a model whose check has found no error can be studied on."
        refusals.append(Refusal("what_if_model_unsound", message, "network_model"))
    in_window = wish.window.refusals()
    periods = () if in_window else wish.window.periods()
    refusals += [*in_window, *_refusals_of_sites(wish, found, periods)]
    if refusals:
        raise RefusedError(refusals)
    question = wish.question()
    _check_inputs(found.area_id, question, at)
    return request_study(
        area_id=found.area_id,
        kind=StudyKind.WHATIF,
        reference=_reference(wish),
        question=question,
        actor=actor,
        at=at,
    )


def _reference(wish: WhatIf) -> UUID:
    """Return the reference of the application that a what-if is asked beside, or one of its own."""
    former = Study.objects.filter(pk=wish.beside or 0).first()
    if former is None:
        return uuid4()
    of_application = Study.objects.filter(
        reference=former.reference, kind__in=(StudyKind.TCVN, StudyKind.OUTLINE)
    )
    return former.reference if of_application.exists() else uuid4()


def _refusals_of_checks(wish: WhatIf, model: NetworkModel) -> list[Refusal]:
    further = wish.options.further
    gives_up = any(each.role == Role.SOLD for each in wish.changes)
    return [
        *refusals_of_cases(wish.options.forecast_cases),
        *refusals_of_checks(further, (model.diagram or {}).get("elements")),
        *rules.refusals_of_failure_case(asked=further.failure_case, gives_up=gives_up),
    ]


def _refusals_of_sites(
    wish: WhatIf, model: NetworkModel, periods: tuple[Period, ...]
) -> list[Refusal]:
    ids = [each.site_id for each in wish.changes]
    sites = Site.objects.in_bulk(ids)
    for n, site_id in enumerate(ids):
        if site_id not in sites:
            raise NotThereError(f"changes.{n}.site")
    inside = set(areas_below(model.area_id))
    buses = {place.site_id: place.bus for place in places_of_sites(model)}
    registers = (
        connections.register(
            ids,
            wish.direction,
            periods[0][0],
            periods[-1][1],
            without_references=wish.exclude_references,
        )
        if periods
        else {}
    )
    return rules.refusals_of_sites(
        [
            rules.AskedSite(
                name=sites[each.site_id].name,
                in_area=sites[each.site_id].area_id in inside,
                bus=buses.get(each.site_id, ""),
                role=each.role,
                kw=each.kw,
                stretches=registers.get(each.site_id, []),
            )
            for each in wish.changes
        ],
        area=model.area.name,
        direction=wish.direction,
        periods=periods,
        buses={bus["name"] for bus in model.diagram["buses"]} if model.diagram else None,
    )


def _check_inputs(area_id: int, question: Question, at: datetime) -> None:
    """Say now, and where, what the study would say only when it is computed."""
    gap = gather(area_id=area_id, question=question, at=at)
    if not isinstance(gap, Gap):
        return
    with_own = replace(question, own_power=OwnPower())
    if question.own_power is None and not isinstance(
        gather(area_id=area_id, question=with_own, at=at), Gap
    ):
        message = f"{gap.reason} Let the model's own loads and generators stand there."
        raise RefusedError([Refusal("what_if_no_forecast", message, "own_power")])
    raise RefusedError([Refusal("what_if_no_inputs", gap.reason)])
