"""How much more each site could import or export, half-hour by half-hour, and what stands against.

The base case is the forecast with approved contracts, rights used. A site's headroom in one
direction is the largest extra kW tested at its bus, all other sites at the base case, that a
study on that basis would pass: nothing that is inside its limits leaves them, and nothing that is
outside already is pushed further (``judge`` has the rule; the reference case counts as there).

The first guess is by sensitivity factors (``sensitivity``). Every guess is then put to the power
flow that studies use, taps free to step, and corrected a few times along the line from the base
case to what was found. Only a capacity that was itself solved and found inside is given, else 0.
As passing is not monotone in kW, less than the headroom is likely to pass and not proven to.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psa.engine.bases import Case, State
from psa.engine.batch import BatchSolver, Loads
from psa.engine.case import Basis, FloatArray, Study, StudySite
from psa.engine.compile import Compiled
from psa.engine.errors import CannotCompileError
from psa.engine.limits import Watched, excess, headroom
from psa.engine.network import IntArray, load
from psa.engine.runs import Runs, Solver
from psa.engine.sensitivity import Movement, Mover, Steps
from psa.engine.study import check

MOST_ROUNDS = 5  # corrections of a guess
SHORTENED = 0.999  # of the way to where a corrected guess would meet its limit
# A guess that passes is raised so often, and only by more than this factor.
MOST_RAISED, WORTHWHILE = 2, 1.01
NEAR = 0.1  # of the way from nominal to a limit is left: near it
MOST_NEAR = 50  # constraints kept for a half-hour, the nearest
FREE = -1  # nothing binds within what was sought


@dataclass(frozen=True, slots=True)
class Wish:
    """Whose headroom is sought, and no further than ``most_kw``, (T,)."""

    site: str  # the key of a StudySite
    direction: str  # "IMPORT" | "EXPORT"
    most_kw: FloatArray


@dataclass(frozen=True, eq=False)
class Near:
    """Constraints near or past a limit in the base case, and what one kW of each wish does there.

    One entry for each half-hour and constraint, (E,), by half-hour. ``toward`` is (P, E): how far
    one kW moves it towards that limit, in the constraint's unit.
    """

    when: IntArray
    column: IntArray
    value: FloatArray
    upper: NDArray[np.bool_]  # the limit it is near is the upper one
    toward: FloatArray
    cut: IntArray  # half-hours with more near constraints than are kept


@dataclass(frozen=True, eq=False)
class Headrooms:
    """The answer: kW and what binds (a watched column, or ``FREE``), both (P, T).

    kW is NaN where nothing is known: the base case or the reference has no solution, or is too
    near collapse to say how it moves.
    """

    kw: FloatArray
    binding: IntArray
    near: Near
    watched: Watched
    engine: str


def headrooms(study: Study, wishes: Sequence[Wish], *, step_kw: float = 1.0) -> Headrooms:
    """Find the headroom of each wish about the study's register as it stands before.

    :raises CannotCompileError: if the network is one that only pandapower can study.
    :raises EngineInputError: if the study makes no sense.
    """
    network = load(study.network)
    check(study, network)
    runs = Runs(study, network)
    if runs.fallback_reason:
        raise CannotCompileError(runs.fallback_reason)
    return _Search(runs, wishes, step_kw).found()


def least(found: Sequence[Headrooms]) -> Headrooms:
    """Give the least of each wish over several cases of the forecasts, and what binds there.

    Nothing is known where it isn't in one. What is near a limit in any case is near.
    """
    first = found[0]
    kw = np.stack([each.kw for each in found])
    worst = np.argmin(kw, axis=0)  # a NaN counts as the least
    return replace(
        first,
        kw=np.take_along_axis(kw, worst[None], axis=0)[0],
        binding=np.take_along_axis(np.stack([each.binding for each in found]), worst[None], axis=0)[
            0
        ],
        near=_in_any([each.near for each in found]),
    )


def _in_any(found: Sequence[Near]) -> Near:
    """Put together what is near in several cases, by half-hour: one may stand there for each."""
    order = np.argsort(np.concatenate([each.when for each in found]), kind="stable")

    def every(name: str) -> Any:
        return np.concatenate([getattr(each, name) for each in found])[order]

    return Near(
        when=every("when"),
        column=every("column"),
        value=every("value"),
        upper=every("upper"),
        toward=np.concatenate([each.toward for each in found], axis=1)[:, order],
        cut=np.unique(np.concatenate([each.cut for each in found])),
    )


class _Search:
    """One search for headroom."""

    def __init__(self, runs: Runs, wishes: Sequence[Wish], step_kw: float) -> None:
        self.runs, self.watched, self.step_kw = runs, runs.watched, step_kw
        sites = {site.key: site for site in runs.study.sites}
        places = {site.key: runs.site_columns[at] for at, site in enumerate(runs.study.sites)}
        self.place: IntArray = np.array([places[wish.site] for wish in wishes], np.int64)
        drawn = [_one_kw(sites[wish.site], wish.direction) for wish in wishes]
        self.steps = Steps(
            bus_rows=runs.buses[self.place],
            kw=np.array([kw for kw, _ in drawn]),
            kvar=np.array([kvar for _, kvar in drawn]),
        )
        length = len(runs.study.half_hours)
        self.most = np.array([wish.most_kw for wish in wishes]).reshape(len(wishes), length)
        self.loads = _loads(runs, State.WITHOUT)
        self.base = np.full((length, len(self.watched)), np.nan)
        self.low, self.high = self.base.copy(), self.base.copy()
        self.known = np.zeros(length, bool)
        self.kw = np.full(self.most.shape, np.nan)
        self.binding = np.full(self.most.shape, FREE)

    def found(self) -> Headrooms:
        """Search arrangement by arrangement, block by block."""
        reference = _loads(self.runs, State.REFERENCE)
        blocks = [
            block
            for number, arranged in enumerate(self.runs.arranged)
            for block in self._blocks(
                arranged.solver, np.flatnonzero(self.runs.arrangement_at == number), reference
            )
        ]
        near = self._near()
        toward = np.full((len(self.place), len(near.when)), np.nan)

        def search(block: tuple[Mover, Compiled, IntArray]) -> None:
            mover, model, rows = block
            movement = mover.movement(model, rows)
            if len(movement.rows):
                self._search(mover.solver, movement)
                self._factors(movement, near, toward)

        # Stepping taps puts models in and out of the store, so one block at a time there.
        solvers = [mover.solver for mover, _, _ in blocks]
        threads = min((1 if one.changers else one.threads for one in solvers), default=1)
        with ThreadPoolExecutor(threads) as pool:
            list((pool.map if threads > 1 else map)(search, blocks))
        return Headrooms(
            kw=self.kw,
            binding=self.binding,
            near=replace(near, toward=toward),
            watched=self.watched,
            engine=self.runs.engine,
        )

    def _blocks(
        self, solver: Solver, when: IntArray, reference: Loads
    ) -> list[tuple[Mover, Compiled, IntArray]]:
        """Solve the base case and the reference in half-hours of one arrangement, and cut them."""
        if not isinstance(solver, BatchSolver) or not len(when):
            return []
        base, before = (
            solver.solve(loads.buses, loads.kw[when], loads.kvar[when])
            for loads in (self.loads, reference)
        )
        self.base[when], self.known[when] = base.values, base.ok & before.ok
        self.low[when], self.high[when] = _limits(solver.watched, before.values, base.values)
        taps = np.zeros((len(self.known), len(solver.changers)), np.int64)
        taps[when] = base.taps
        mover = Mover(solver, self.loads, self.steps)
        return [(mover, *part) for part in mover.parts(taps, when[self.known[when]])]

    def _search(self, solver: BatchSolver, block: Movement) -> None:
        """Guess, verify and correct every wish in the half-hours of a block."""
        when = block.rows
        most = np.floor(self.most[:, when].T / self.step_kw + 1e-9) * self.step_kw
        guess, column = block.room(self.base[when], self.low[when], self.high[when], most)
        moves = np.isfinite(block.moved).all(axis=2)
        binding = np.where(np.isfinite(guess), column, FREE)
        wanted = self._floored(np.minimum(guess, most))
        best = np.where(moves, 0.0, np.nan)  # 0 is the base case itself
        at, which = np.nonzero(moves & (wanted >= self.step_kw))
        kw = wanted[at, which]
        raised = np.zeros(len(at), np.int64)
        for _ in range(MOST_ROUNDS):
            if not len(at):
                break
            passed, meets, column = self._tried(solver, block, at, which, kw)
            cell = (at, which)
            best[cell] = np.where(passed, np.maximum(best[cell], kw), best[cell])
            binding[cell] = np.where(passed & (kw >= most[cell] - self.step_kw / 2), FREE, column)
            higher = np.minimum(self._floored(meets), most[cell])
            raise_ = (
                passed
                & (raised < MOST_RAISED)
                & (higher >= np.maximum(kw + self.step_kw, kw * WORTHWHILE))
            )
            lower = np.minimum(self._floored(meets * SHORTENED), kw - self.step_kw)
            # Below what has passed there is nothing to be found.
            lower_ = ~passed & (lower >= np.maximum(self.step_kw, best[cell] + self.step_kw))
            kw = np.where(raise_, higher, lower)
            again = raise_ | lower_
            raised += raise_
            at, which, kw, raised = at[again], which[again], kw[again], raised[again]
        self.kw[:, when] = best.T
        self.binding[:, when] = binding.T

    def _tried(
        self,
        solver: BatchSolver,
        block: Movement,
        at: IntArray,
        which: IntArray,
        kw: FloatArray,
    ) -> tuple[NDArray[np.bool_], FloatArray, IntArray]:
        """Solve the block's half-hours ``at`` with ``kw`` more: whether each is inside its limits,
        and where a straight line from the base case first meets one, and which.
        """
        when = block.rows[at]
        load_kw, load_kvar = self.loads.kw[when], self.loads.kvar[when]
        row, place = np.arange(len(at)), self.place[which]
        load_kw[row, place] += kw * self.steps.kw[which]
        load_kvar[row, place] += kw * self.steps.kvar[which]
        solved = solver.solve(
            self.loads.buses,
            load_kw,
            load_kvar,
            check_failed=False,
            near=block.volts[at] + kw[:, None] * block.moved[at, which],
        )
        # Of the way to the limit, how often would the whole way fit in: 1 is at the limit.
        base = self.base[when]
        moved = solved.values - base
        with np.errstate(all="ignore"):
            share = np.where(moved > 0, self.high[when] - base, self.low[when] - base)
            share /= moved
        share[(moved == 0) | np.isnan(moved)] = np.inf  # it stands still, or has no supply
        column = np.argmin(share, axis=1)
        fits = share[np.arange(len(at)), column]
        passed = solved.ok & (fits >= 1)
        return passed, kw * np.where(solved.ok, fits, 0.5), column

    def _floored(self, kw: FloatArray) -> FloatArray:
        return np.asarray(np.floor(kw / self.step_kw + 1e-9) * self.step_kw)

    def _near(self) -> Near:
        """List what is near or past a limit in the base case."""
        room = headroom(self.watched, self.base)
        near = (room <= NEAR) & np.isfinite(room) & self.known[:, None]
        cut = np.flatnonzero(near.sum(axis=1) > MOST_NEAR)
        for at in cut:
            near[at] &= room[at] <= np.partition(room[at], MOST_NEAR - 1)[MOST_NEAR - 1]
        when, column = np.nonzero(near)
        value = self.base[when, column]
        return Near(
            when=when,
            column=column,
            value=value,
            upper=value >= self.watched.nominal[column],
            toward=np.empty(0),
            cut=cut,
        )

    def _factors(self, block: Movement, near: Near, toward: FloatArray) -> None:
        entry = np.flatnonzero(np.isin(near.when, block.rows))
        if not len(entry):
            return
        place = np.full(len(self.known), -1)
        place[block.rows] = np.arange(len(block.rows))
        factors = block.factors(np.unique(near.column[entry]))
        found = factors[place[near.when[entry]], :, near.column[entry]]
        toward[:, entry] = np.where(near.upper[entry][:, None], found, -found).T


def _one_kw(site: StudySite, direction: str) -> tuple[float, float]:
    """Give what one kW more draws at the site's bus, kW and kVAr, at its worst power factor."""
    if direction == "EXPORT":
        return -1.0, -_tangent(site.worst_export_power_factor)
    return 1.0, _tangent(site.worst_import_power_factor)


def _tangent(power_factor: float) -> float:
    return float(np.tan(np.arccos(min(1.0, abs(power_factor)))))


def _loads(runs: Runs, state: State) -> Loads:
    series = runs.sites_in(Case(Basis.RIGHTS_USED, state))
    kw, kvar = runs.base_kw.copy(), runs.base_kvar.copy()
    for place, one in zip(runs.site_columns, series, strict=True):
        kw[:, place] += one.load_kw
        kvar[:, place] += one.load_kvar
    return Loads(runs.buses, kw, kvar)


def _limits(
    watched: Watched, reference: FloatArray, base: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Give the limits that hold in each half-hour, (T, watched): wider where base is outside."""
    far, before = excess(watched, base), excess(watched, reference)
    wider = np.maximum(before + watched.tolerance, far) + watched.noise
    wider = np.where(far > 0, wider, 0.0)
    return watched.low - wider, watched.high + wider
