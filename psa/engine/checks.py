"""The further checks that a policy may ask for, on the required bases.

* **Outage** (N-1): each listed element is lost alone. What it alone supplied goes dark, which is
  no breach; what remains must bear the contract, at emergency ratings, taps following.
* **Step voltage** (EREC P28): what is bought is lost at once, or its site trips, before any tap
  changer moves. The step is in per cent of declared voltage.
* **Failure case** (offsetting): the sellers are back at what they did without the contract and the
  buyers run on, at emergency ratings, until they have fallen back.

Each compares with the same event without the contract, as ``judge`` does everywhere: a network
that was insecure before fails nobody who makes it no worse.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from psa.engine.bases import Case, State
from psa.engine.case import (
    Basis,
    Check,
    CheckName,
    Constraint,
    FloatArray,
    Kind,
    Options,
    Outcome,
    Rights,
    Study,
    StudySite,
    Worst,
)
from psa.engine.errors import EngineInputError
from psa.engine.fallback import Solved
from psa.engine.judge import Tally
from psa.engine.limits import Watched, in_emergency
from psa.engine.network import IntArray, row_of
from psa.engine.runs import Runs

LOSABLE = ("line", "trafo", "trafo3w")
STEP_TOLERANCE, STEP_NOISE = 0.05, 1e-3  # per cent
VOLTAGE_BAND_PU = 0.06  # a breach of so much is as grave as twice a rating
MOST_CONSTRAINTS = 60


@dataclass(frozen=True, eq=False)
class _Event:
    """One thing that may happen: what it is called, and what it does to each required basis."""

    words: str
    tallies: dict[Basis, Tally]


class Checks:
    """The further checks of one study."""

    def __init__(self, study: Study, runs: Runs, required: Sequence[Basis]) -> None:
        self.study, self.runs, self.options = study, runs, study.options
        self.required = tuple(required)
        self.buyers = [site for site in study.sites if _moves(site, study.direction, "bought")]
        self.sellers = [site for site in study.sites if _moves(site, study.direction, "sold")]
        self.lost = [(words, *_element(words, runs)) for words in study.options.outages]

    @property
    def deciding(self) -> list[CheckName]:
        """Name the checks that decide on the contract, not only report."""
        return [name for name in self._asked() if _decides(name, self.options)]

    def run(self, parts: Sequence[IntArray]) -> tuple[Check, ...]:
        """Make every check that is asked for, over the study's half-hours in parts."""
        return tuple(self._check(name, parts, 1.0) for name in self._asked())

    def pass_at(self, share: float, parts: Sequence[IntArray]) -> bool:
        """Say whether a share of the capacity passes every check that decides."""
        return all(
            self._check(name, parts, share).outcome is Outcome.PASS for name in self.deciding
        )

    def _asked(self) -> list[CheckName]:
        asked = {
            CheckName.OUTAGE: bool(self.lost),
            CheckName.STEP_VOLTAGE: self.options.step_voltage_percent is not None,
            CheckName.FAILURE_CASE: self.options.failure_case,
        }
        return [name for name, wanted in asked.items() if wanted and self.required]

    def _check(self, name: CheckName, parts: Sequence[IntArray], share: float) -> Check:
        events = {
            CheckName.OUTAGE: self._outages,
            CheckName.STEP_VOLTAGE: self._steps,
            CheckName.FAILURE_CASE: self._failures,
        }[name]
        return _summed(
            name, self.study, list(events(parts, share)), decides=_decides(name, self.options)
        )

    def _outages(self, parts: Sequence[IntArray], share: float) -> Iterator[_Event]:
        watched = in_emergency(self.runs.watched, self.options.emergency_percent)
        for words, table, row in self.lost:
            solvers = self.runs.solvers_without(table, row)
            event = self._event(words, watched)
            for basis, tally in event.tallies.items():
                for when in parts:
                    solved = [
                        _remaining(self.runs.solve_by(solvers, case, when), watched)
                        for case in _cases(basis, share)
                    ]
                    tally.add(when, *solved)
            yield event

    def _failures(self, parts: Sequence[IntArray], share: float) -> Iterator[_Event]:
        watched = in_emergency(self.runs.watched, self.options.emergency_percent)
        gone = tuple(site.key for site in self.sellers)
        event = self._event("the offset is gone", watched)
        for basis, tally in event.tallies.items():
            reference, without, with_ = _cases(basis, share)
            cases = [reference, without, replace(with_, fallen=gone)]
            for when in parts:
                tally.add(when, *self.runs.solve([(case, when) for case in cases]))
        yield event

    def _steps(self, parts: Sequence[IntArray], share: float) -> Iterator[_Event]:
        watched = _step_columns(self.runs.watched, self.options.step_voltage_percent or 0.0)
        for site in self.buyers:
            for words, trips in (
                (f"what {site.name} buys is lost", False),
                (f"{site.name} trips", True),
            ):
                event = self._event(words, watched)
                for basis, tally in event.tallies.items():
                    for when in parts:
                        steps = [
                            self._step(case, site.key, when, trips=trips)
                            for case in _cases(basis, share)
                        ]
                        tally.add(when, *steps)
                yield event

    def _step(self, case: Case, key: str, when: IntArray, *, trips: bool) -> Solved:
        [before] = self.runs.solve([(case, when)])
        after_case = replace(case, tripped=key) if trips else replace(case, fallen=(key,))
        solvers = [each.solver for each in self.runs.arranged]
        after = self.runs.solve_by(solvers, after_case, when, held=before.taps)
        width = len(self.runs.watched.bus_rows)
        step = np.abs(after.values[:, :width] - before.values[:, :width]) * 100.0
        return Solved(np.nan_to_num(step, nan=0.0), before.ok & after.ok, before.taps)

    def _event(self, words: str, watched: Watched) -> _Event:
        half_hours = self.study.half_hours
        return _Event(words, {basis: Tally(watched, half_hours) for basis in self.required})


def _cases(basis: Basis, share: float) -> list[Case]:
    return [
        Case(basis, State.REFERENCE),
        Case(basis, State.WITHOUT),
        Case(basis, State.WITH, share),
    ]


def _decides(name: CheckName, options: Options) -> bool:
    return {
        CheckName.OUTAGE: options.outages_decide,
        CheckName.STEP_VOLTAGE: options.step_voltage_decides,
        CheckName.FAILURE_CASE: True,
    }[name]


def _element(words: str, runs: Runs) -> tuple[str, int]:
    """Find what is lost by its words: "line Bridge Street", "line #12"."""
    table, _, element = words.partition(" ")
    if table not in LOSABLE:
        raise EngineInputError(f"{words!r} is no line or transformer that could be lost.")
    return table, row_of(runs.network.net, table, element)


def _moves(site: StudySite, direction: str, what: str) -> bool:
    export = direction == "EXPORT"
    before = site.export_before if export else site.import_before
    after = site.export_after if export else site.import_after
    return bool((_series(after, what) > _series(before, what)).any())


def _series(rights: Rights | None, what: str) -> FloatArray:
    if rights is None:
        return np.zeros(1)
    found: FloatArray = getattr(rights, what)
    return found


def _remaining(solved: Solved, watched: Watched) -> Solved:
    """Leave out what the lost element alone supplied: it is at its nominal value to the judge."""
    return replace(solved, values=np.where(np.isnan(solved.values), watched.nominal, solved.values))


def _step_columns(watched: Watched, limit: float) -> Watched:
    """Lay out the buses as columns of a step in per cent."""
    width = len(watched.bus_rows)
    none, empty = np.full(width, -np.inf), np.empty(0, np.int64)
    return replace(
        watched,
        element_type=watched.element_type[:width],
        element=watched.element[:width],
        quantity=("step_voltage_percent",) * width,
        unit=("%",) * width,
        low=none,
        high=np.full(width, limit),
        tolerance=np.full(width, STEP_TOLERANCE),
        noise=np.full(width, STEP_NOISE),
        nominal=np.zeros(width),
        line_rows=empty,
        line_rating_ka=np.empty(0),
        trafo_rows=empty,
        trafo3w_rows=empty,
        reverse_rows=empty,
    )


def _summed(name: CheckName, study: Study, events: Sequence[_Event], *, decides: bool) -> Check:
    tallies = [(each.words, tally) for each in events for tally in each.tallies.values()]
    failing = sorted({at for _, tally in tallies for at in tally.failing()})
    constraints = [
        replace(constraint, during=words)
        for words, tally in tallies
        for constraint in tally.constraints()
        if constraint.kind is not Kind.EXISTING
    ]
    constraints.sort(key=_gravity)
    unsolved = _those(words for words, tally in tallies if tally.unsolved)
    worst, worst_during = _worst(tallies)
    return Check(
        name=name,
        decides=decides,
        outcome=Outcome.FAIL if failing else Outcome.NOT_CONVERGED if unsolved else Outcome.PASS,
        considered=_those(each.words for each in events),
        worst=worst,
        worst_during=worst_during,
        constraints=tuple(constraints[:MOST_CONSTRAINTS]),
        failing=tuple(study.half_hours[at] for at in failing),
        collapsed=_those(words for words, tally in tallies if tally.collapsed),
        unsolved=unsolved,
    )


def _worst(tallies: Sequence[tuple[str, Tally]]) -> tuple[Worst | None, str]:
    """Give what comes nearest to its limit in any event, or goes furthest past it."""
    best: tuple[float, Worst, str] | None = None
    for words, tally in tallies:
        room = float(np.min(tally.room, initial=np.inf))
        found = tally.worst()
        if found is not None and (best is None or room < best[0]):
            best = (room, found, words)
    return (None, "") if best is None else best[1:]


def _gravity(constraint: Constraint) -> float:
    """Order breaches, the furthest out first."""
    value, limit = constraint.worst_value, constraint.limit
    if value is None or limit is None:
        return -np.inf
    scale = VOLTAGE_BAND_PU if constraint.unit == "pu" else max(abs(limit), 1e-9)
    return -abs(value - limit) / scale


def _those(words: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))
