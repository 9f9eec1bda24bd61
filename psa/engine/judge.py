"""Whose breach is it: compared cell by cell (watched quantity x half-hour).

* *created*: inside its limits without, outside with;
* *worsened*: outside both, further outside than the reference by more than the tolerance **and**
  further outside than without (both by more than a solver's noise), so that a breach cannot be
  made in slices;
* *existing*: any other cell that is outside with. It is reported and fails nobody.

No supply is a breach, infinitely far outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from psa.engine.case import Constraint, FloatArray, Kind, Outcome, Worst
from psa.engine.fallback import Solved
from psa.engine.limits import Watched, excess, headroom
from psa.engine.network import IntArray

KINDS = (Kind.EXISTING, Kind.WORSENED, Kind.CREATED)
EXISTING, WORSENED, CREATED = range(3)


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells that are outside with the contract, one entry each."""

    when: IntArray  # position of the half-hour in the study
    column: IntArray
    kind: NDArray[np.int8]
    reference: FloatArray
    without: FloatArray
    with_: FloatArray
    excess: FloatArray


def cells(
    watched: Watched,
    when: IntArray,
    reference: FloatArray,
    without: FloatArray,
    with_: FloatArray,
) -> Cells:
    """Judge values (t, watched) of half-hours ``when`` in which all three cases have solved."""
    everywhere = excess(watched, with_)
    row, column = np.nonzero(everywhere > 0)
    far = everywhere[row, column]
    far_without = excess(watched, without[row, column], column)
    far_reference = excess(watched, reference[row, column], column)
    noise, tolerance = watched.noise[column], watched.tolerance[column]
    created = far_without <= 0
    # inf against inf is no worsening; nor is inf - inf, so the sums stand on the right.
    worsened = (far > far_reference + tolerance + noise) & (far > far_without + noise)
    kind = np.where(created, CREATED, np.where(worsened, WORSENED, EXISTING))
    return Cells(
        when=when[row],
        column=column,
        kind=kind.astype(np.int8),
        reference=reference[row, column],
        without=without[row, column],
        with_=with_[row, column],
        excess=far,
    )


@dataclass(eq=False)
class Tally:
    """One basis, gathered over the parts of a study."""

    watched: Watched
    half_hours: Sequence[datetime]
    found: list[Cells] = field(default_factory=list)
    unsolved: list[int] = field(default_factory=list)  # reference or without
    collapsed: list[int] = field(default_factory=list)  # with alone
    room: FloatArray = field(default_factory=lambda: np.empty(0))  # least headroom per column
    room_at: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    room_value: FloatArray = field(default_factory=lambda: np.empty(0))

    def __post_init__(self) -> None:
        width = len(self.watched)
        self.room = np.full(width, np.inf)
        self.room_at = np.zeros(width, np.int64)
        self.room_value = np.full(width, np.nan)

    def add(self, when: IntArray, reference: Solved, without: Solved, with_: Solved) -> Cells:
        """Take in the half-hours ``when`` of all three cases."""
        base = reference.ok & without.ok
        self.unsolved += [int(at) for at in when[~base]]
        self.collapsed += [int(at) for at in when[base & ~with_.ok]]
        judged = base & with_.ok
        part = cells(
            self.watched,
            when[judged],
            reference.values[judged],
            without.values[judged],
            with_.values[judged],
        )
        self.found.append(part)
        if judged.any():
            self._keep_room(when[judged], with_.values[judged])
        return part

    @property
    def outcome(self) -> Outcome:
        """Say whether the basis passes."""
        if self.unsolved:
            return Outcome.NOT_CONVERGED
        return Outcome.FAIL if self.failing() else Outcome.PASS

    def failing(self) -> set[int]:
        """Give the half-hours that the contract itself fails."""
        bad = {int(at) for part in self.found for at in part.when[part.kind != EXISTING]}
        return bad | set(self.collapsed)

    def merged(self) -> Cells:
        """Give all cells as one."""
        if len(self.found) == 1:
            return self.found[0]
        columns = {
            name: np.concatenate([getattr(part, name) for part in self.found])
            for name in ("when", "column", "kind", "reference", "without", "with_", "excess")
        }
        return Cells(**columns)

    def constraints(self) -> tuple[Constraint, ...]:
        """List breaches by element and kind: created and worsened first, the furthest out first."""
        if not self.found:
            return ()
        every = self.merged()
        over = every.with_ > self.watched.high[every.column]
        dead = np.isnan(every.with_)
        side = np.where(dead, 2, np.where(over, 1, 0))
        key = (every.column * 3 + every.kind) * 3 + side
        order = np.lexsort((every.when, key))
        edges = np.flatnonzero(np.diff(key[order])) + 1
        groups = np.split(order, edges) if len(order) else []
        listed = [self._constraint(every, rows, int(side[rows[0]])) for rows in groups]
        listed.sort(key=lambda pair: pair[0])
        return tuple(constraint for _, constraint in listed)

    def worst(self) -> Worst | None:
        """Give the breach that binds and is furthest out; without one, the least headroom."""
        every = self.merged() if self.found else None
        if every is not None:
            binds = np.flatnonzero((every.kind != EXISTING) & np.isfinite(every.excess))
            if len(binds):
                room = _room_of(self.watched, every.column[binds], every.with_[binds])
                at = binds[int(np.argmin(room))]
                return self._worst(
                    int(every.column[at]), float(every.with_[at]), int(every.when[at])
                )
        finite = np.where(np.isfinite(self.room), self.room, np.inf)
        column = int(np.argmin(finite)) if len(finite) else -1
        if column < 0 or not np.isfinite(finite[column]):
            return None
        return self._worst(column, float(self.room_value[column]), int(self.room_at[column]))

    def near(self, warn_percent: float) -> tuple[Worst, ...]:
        """List what is loaded to ``warn_percent`` or more and stays inside its limit."""
        watched = self.watched
        columns = [
            column
            for column in np.flatnonzero(self.room_value >= warn_percent)
            if watched.unit[column] == "%" and self.room_value[column] <= watched.high[column]
        ]
        columns.sort(key=lambda column: -self.room_value[column])
        return tuple(
            self._worst(int(column), float(self.room_value[column]), int(self.room_at[column]))
            for column in columns
        )

    def to_draw(self, most: int) -> list[int]:
        """Choose the columns worth a chart: what binds, else the nearest of each kind."""
        if self.found:
            every = self.merged()
            binds = np.flatnonzero(every.kind != EXISTING)
            if len(binds):
                room = _room_of(self.watched, every.column[binds], every.with_[binds])
                order = every.column[binds][np.argsort(room, kind="stable")]
                return list(dict.fromkeys(int(column) for column in order))[:most]
        chosen: list[int] = []
        kinds: dict[str, int] = {}
        for column in np.argsort(self.room, kind="stable"):
            kind = self.watched.element_type[column]
            if np.isfinite(self.room[column]) and kinds.get(kind, 0) < most // 3:
                kinds[kind] = kinds.get(kind, 0) + 1
                chosen.append(int(column))
            if len(chosen) == most:
                break
        return chosen

    def _keep_room(self, when: IntArray, values: FloatArray) -> None:
        room = headroom(self.watched, values)
        row = np.argmin(room, axis=0)
        columns = np.arange(room.shape[1])
        least = room[row, columns]
        better = least < self.room
        self.room[better] = least[better]
        self.room_at[better] = when[row[better]]
        self.room_value[better] = values[row[better], columns[better]]

    def _worst(self, column: int, value: float, at: int) -> Worst:
        watched = self.watched
        low = np.isfinite(watched.low[column]) and abs(value - watched.low[column]) < abs(
            value - watched.high[column]
        )
        limit = watched.low[column] if low else watched.high[column]
        return Worst(
            element_type=watched.element_type[column],
            element=watched.element[column],
            quantity=quantity_of(watched, column, high=not low),
            value=value,
            limit=float(limit),
            at=self.half_hours[at],
            unit=watched.unit[column],
            row=int(watched.rows[column]),
        )

    def _constraint(
        self, every: Cells, rows: IntArray, side: int
    ) -> tuple[tuple[int, float, int], Constraint]:
        worst = rows[int(np.argmax(every.excess[rows]))]
        column, kind = int(every.column[worst]), KINDS[int(every.kind[worst])]
        dead = side == 2
        limit = self.watched.high[column] if side == 1 else self.watched.low[column]
        constraint = Constraint(
            element_type=self.watched.element_type[column],
            element=self.watched.element[column],
            quantity="supply" if dead else quantity_of(self.watched, column, high=side == 1),
            kind=kind,
            limit=None if dead else float(limit),
            worst_value=_number(every.with_[worst]),
            worst_without=_number(every.without[worst]),
            worst_reference=_number(every.reference[worst]),
            worst_at=self.half_hours[int(every.when[worst])],
            half_hours=tuple(self.half_hours[int(at)] for at in every.when[rows]),
            unit=self.watched.unit[column],
            row=int(self.watched.rows[column]),
        )
        room = _room_of(self.watched, every.column[[worst]], every.with_[[worst]])[0]
        return (0 if kind is not Kind.EXISTING else 1, float(room), column), constraint


def quantity_of(watched: Watched, column: int, *, high: bool) -> str:
    """Name the quantity as results do: a voltage is too high or too low."""
    if watched.quantity[column] == "voltage":
        return "vm_pu_high" if high else "vm_pu_low"
    return watched.quantity[column]


def _room_of(watched: Watched, column: IntArray, value: FloatArray) -> FloatArray:
    up = (watched.high[column] - value) / np.maximum(
        watched.high[column] - watched.nominal[column], 1e-9
    )
    low = watched.low[column]
    span = np.where(np.isfinite(low), watched.nominal[column] - low, 1.0)
    down = np.where(np.isfinite(low), (value - low) / span, np.inf)
    return np.where(np.isnan(value), -np.inf, np.fmin(up, down))


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
