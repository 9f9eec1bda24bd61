"""What the latest study of all that is approved says of an area: read for pages and queues."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connections.models import Area
from core.periods import HALF_HOUR
from nmf.models import Contract
from psa.models import Study
from psa.questions import Question
from psa.seen.looking import half_hours_shown
from psa.seen.wording import QUANTITY_WORDS, clock, element_words, every_basis, value_words
from psa.states import FINISHED, StudyKind
from wsc.queries import AREA_BASIS, approved_contracts, area_reference

MOST_SHOWN = 20
WHAT = {"vm_pu_high": "highest voltage", "vm_pu_low": "lowest voltage"}
NOMINAL_PU = 1.0


@dataclass(frozen=True, slots=True)
class Element:
    """One quantity of one element at its worst half-hour."""

    element: str
    quantity: str
    value: float
    reference: float | None  # without any market contract, then
    limit: float
    unit: str
    at: datetime
    level: str  # "over", "near" or "inside"
    used_percent: float  # of the room between nominal and the limit
    change: float | None = None  # of the value, since the study before
    contracts: tuple[Contract, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        return self.element, self.quantity

    @property
    def what(self) -> str:
        return WHAT.get(self.quantity) or QUANTITY_WORDS.get(self.quantity, self.quantity)

    @property
    def when(self) -> str:
        return clock(self.at.isoformat())

    @property
    def value_words(self) -> str:
        return value_words(self.value, self.unit)

    @property
    def limit_words(self) -> str:
        return value_words(self.limit, self.unit)

    @property
    def reference_words(self) -> str:
        return "" if self.reference is None else value_words(self.reference, self.unit)

    @property
    def trend(self) -> str:
        if self.change is None:
            return "not among the worst then"
        unit = "points" if self.unit == "%" else self.unit
        shown = value_words(abs(self.change), unit)
        if shown == value_words(0.0, unit):
            return "as before"
        return f"{shown} {'higher' if self.change > 0 else 'lower'}"


@dataclass(frozen=True, slots=True)
class AreaState:
    """An area's latest study of its own, and the one before."""

    area: Area
    study: Study | None
    former: Study | None = None
    waits: bool = False
    warn_percent: float = 95.0
    elements: list[Element] = field(default_factory=list)

    @property
    def beyond(self) -> int:
        """Return how many elements are past the warning threshold."""
        return sum(each.level != "inside" for each in self.elements)

    @property
    def is_old(self) -> bool:
        return self.study is not None and self.study.revision != self.area.revision


def states_of_areas() -> list[AreaState]:
    """Return every study area's state, without contracts and trend. Two queries."""
    latest = {
        study.area_id: study
        for study in Study.objects.filter(kind=StudyKind.AREA, state__in=FINISHED)
        .defer("inputs")
        .order_by("area_id", "-pk")
        .distinct("area_id")
    }
    return [
        _state(area, latest.get(area.pk))
        for area in Area.objects.filter(studied=True).order_by("name")
    ]


def state_of_area(area: Area) -> AreaState:
    """Return an area's state with its trend and the contracts that deliver at each worst time."""
    studies = Study.objects.filter(reference=area_reference(area.pk), kind=StudyKind.AREA)
    finished = list(studies.filter(state__in=FINISHED).defer("inputs").order_by("-pk")[:2])
    study = finished[0] if finished else None
    former = finished[1] if len(finished) > 1 else None
    plain = _state(area, study)
    before = {each.key: each.value for each in _state(area, former).elements}
    delivering = _delivering(area, plain.elements)
    return AreaState(
        area=area,
        study=study,
        former=former,
        waits=studies.exclude(state__in=FINISHED).exists(),
        warn_percent=plain.warn_percent,
        elements=[
            Element(
                each.element,
                each.quantity,
                each.value,
                each.reference,
                each.limit,
                each.unit,
                each.at,
                each.level,
                each.used_percent,
                change=each.value - before[each.key] if each.key in before else None,
                contracts=tuple(delivering[each.at]),
            )
            for each in plain.elements
        ],
    )


def _state(area: Area, study: Study | None) -> AreaState:
    if study is None or study.result is None:
        return AreaState(area, study)
    question = Question.from_json(study.question)
    warn = question.options.loading_warn_percent
    found: dict[tuple[str, str], Element] = {}
    for each in _read(study.result, half_hours_shown(study, question), warn):
        if each.used_percent > 0 and (
            each.key not in found or found[each.key].used_percent < each.used_percent
        ):
            found[each.key] = each
    elements = sorted(found.values(), key=lambda each: (-each.used_percent, each.key))
    return AreaState(area, study, warn_percent=warn, elements=elements[:MOST_SHOWN])


def _read(
    result: dict[str, Any], half_hours: tuple[datetime, ...], warn: float
) -> Iterable[Element]:
    for _, basis in every_basis(result):
        if basis["basis"] != AREA_BASIS:
            continue
        for each in basis["constraints"]:
            if each["worst_value"] is not None and each["limit"] is not None:
                yield _element(
                    element_words(each),
                    each["quantity"],
                    (each["worst_value"], each["worst_reference"], each["limit"]),
                    each["unit"],
                    datetime.fromisoformat(each["worst_at"]),
                    warn,
                )
        for each in basis["near"]:
            yield _element(
                element_words(each),
                each["quantity"],
                (each["value"], None, each["limit"]),
                each["unit"],
                datetime.fromisoformat(each["at"]),
                warn,
            )
    for chart in result["charts"]:
        yield from _of_chart(chart, half_hours, warn)


def _of_chart(
    chart: dict[str, Any], half_hours: tuple[datetime, ...], warn: float
) -> Iterable[Element]:
    """Yield the worst half-hour of an element that is drawn, on either side of nominal."""
    values = [(value, n) for n, value in enumerate(chart["with"]) if value is not None]
    low, high = chart["limit_low"], chart["limit_high"]
    for limit, sign, side in ((high, 1, "high"), (low, -1, "low")):
        if not values or limit is None:
            continue
        _, first = max((sign * value, -n) for value, n in values)  # the first of equal ones
        n = -first
        value = chart["with"][n]
        quantity = f"vm_pu_{side}" if chart["unit"] == "pu" else chart["quantity"]
        yield _element(
            str(chart["element"]),
            quantity,
            (value, chart["reference"][n], limit),
            chart["unit"],
            half_hours[n],
            warn,
        )


def _element(
    name: str,
    quantity: str,
    values: tuple[float, float | None, float],
    unit: str,
    at: datetime,
    warn: float,
) -> Element:
    value, reference, limit = values
    nominal = NOMINAL_PU if unit == "pu" else 0.0
    used = 100 * (value - nominal) / (limit - nominal) if limit != nominal else 0.0
    over = used > 100.0  # noqa: PLR2004  # all of the room
    return Element(
        element=name,
        quantity=quantity,
        value=value,
        reference=reference,
        limit=limit,
        unit=unit,
        at=at,
        level="over" if over else "near" if used >= warn else "inside",
        used_percent=used,
    )


def _delivering(area: Area, elements: list[Element]) -> dict[datetime, list[Contract]]:
    """Return the approved contracts that deliver in each element's worst half-hour."""
    times = {each.at for each in elements}
    found: dict[datetime, list[Contract]] = {at: [] for at in times}
    if not times:
        return found
    contracts = approved_contracts(
        area.pk, undelivered_at=min(times), touched_until=max(times) + HALF_HOUR
    )
    for contract in contracts.select_related("buyer_site", "seller_site", "review"):
        half_hours = set(contract.window.half_hours())
        for at in times:
            if at in half_hours:
                found[at].append(contract)
    return found
