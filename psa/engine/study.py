"""A study from question to answer: cases, batches, verdicts."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version
from typing import Any

import numpy as np

from psa.engine import bases, ladder, sentences
from psa.engine.arrangement import described
from psa.engine.bases import Case, State
from psa.engine.case import (
    Answer,
    Basis,
    BasisResult,
    Chart,
    Check,
    Kind,
    Outcome,
    Study,
)
from psa.engine.checks import Checks
from psa.engine.errors import EngineInputError, NoForecastError
from psa.engine.judge import EXISTING, Tally
from psa.engine.network import IntArray, Network, load
from psa.engine.runs import Runs

ENGINE = "6"  # raised whenever the same question may get another answer
MOST_CHARTS = 6
PART_BYTES = 8 * 1024 * 1024  # of values held for one case at a time
SCREENED = 24  # failing half-hours on which the ladder is tried first
BASIS_NAMES = {
    Basis.FORECAST_RATIO: "Forecast ratio",
    Basis.RIGHTS_USED: "Rights used",
    Basis.FULL_CAPACITY: "Full capacity",
}


def answer(study: Study, *, reference: bool = False) -> Answer:
    """Study what is asked, on each basis, and say whether the network bears it.

    ``reference``: by pandapower's own power flow alone, a thousand times slower.

    Bad physics is an outcome, never an exception: no convergence in a base case, collapse with
    the contract, a bus without forecast or supply. A question that makes no sense is
    ENGINE_ERROR with its reason.
    """
    try:
        network = load(study.network)
        check(study, network)
        return _Studied(study, network, reference=reference).answer()
    except NoForecastError as gap:
        return _unstudied(Outcome.NO_FORECAST, str(gap))
    except EngineInputError as error:
        return _unstudied(Outcome.ENGINE_ERROR, str(error))


def as_json(answer: object) -> dict[str, Any]:
    """Give the answer as plain JSON values: times ISO in UTC, floats to 6 places, never NaN."""
    plain: dict[str, Any] = _plain(answer)
    return plain


def versions() -> dict[str, str]:
    """Name what computed: part of a study's record and of the hash of its inputs."""
    return {
        "engine": ENGINE,
        "pandapower": version("pandapower"),
        "power-grid-model": version("power-grid-model"),
        "numpy": version("numpy"),
        "scipy": version("scipy"),
    }


class _Studied:
    """One study while it is being answered."""

    def __init__(self, study: Study, network: Network, *, reference: bool) -> None:
        self.study, self.options = study, study.options
        self.runs = Runs(study, network, reference=reference)
        self.bases = tuple(b for b in Basis if b in (*self.options.bases, *self.options.required))
        self.tallies = {basis: Tally(self.runs.watched, study.half_hours) for basis in self.bases}
        width = max(1, len(self.runs.watched)) * 8
        self.part = max(8, PART_BYTES // width)
        required = [basis for basis in self.bases if basis in self.options.required]
        self.checks = Checks(study, self.runs, required)

    def answer(self) -> Answer:
        half_hours = self.study.half_hours
        for site in self.study.sites:
            dark = self.runs.unsupplied(site.bus) if site.studied else ()
            if len(dark):
                reason = f"{site.name} has no supply in the network's running arrangement."
                return self._with_arrangements(
                    _unstudied(Outcome.FAIL, reason, [half_hours[at] for at in dark])
                )
        for when in self._parts(np.arange(len(half_hours))):
            self._judge(when)
        results = tuple(self._result(basis) for basis in self.bases)
        required = [basis for basis in self.bases if basis in self.options.required]
        checked = self.checks.run(self._parts(np.arange(len(half_hours))))
        deciding = [check for check in checked if check.decides]
        outcome = self._outcome(required, deciding)
        position = {at: n for n, at in enumerate(half_hours)}
        failing = sorted(
            {at for basis in required for at in self.tallies[basis].failing()}
            | {position[at] for check in deciding for at in check.failing}
        )
        largest, steps = self._largest(outcome, required, failing)
        drawn = self._drawn_basis(required)
        return self._with_arrangements(
            Answer(
                outcome=outcome,
                reason=self._reason(outcome, required, results, deciding),
                bases=results,
                failing=tuple(half_hours[at] for at in failing),
                largest_kw=largest,
                ladder=steps,
                charts=self._charts(drawn) if drawn else (),
                tap_positions=self.runs.tap_positions(),
                versions=versions(),
                checks=checked,
            )
        )

    def _with_arrangements(self, answer: Answer) -> Answer:
        runs = self.runs
        found = described(runs.changes, runs.arrangement_at, self.study.half_hours)
        return dataclasses.replace(answer, arrangements=found)

    def _parts(self, when: IntArray) -> list[IntArray]:
        return [when[at : at + self.part] for at in range(0, len(when), self.part)]

    def _judge(self, when: IntArray) -> None:
        cases = [Case(basis, state) for basis in self.bases for state in State]
        solved = dict(zip(cases, self.runs.solve([(c, when) for c in cases]), strict=True))
        for basis, tally in self.tallies.items():
            tally.add(when, *(solved[Case(basis, state)] for state in State))

    def _outcome(self, required: Sequence[Basis], deciding: Sequence[Check]) -> Outcome:
        outcomes = {self.tallies[basis].outcome for basis in required}
        outcomes |= {check.outcome for check in deciding}
        for decisive in (Outcome.FAIL, Outcome.NOT_CONVERGED):
            if decisive in outcomes:
                return decisive
        return Outcome.PASS

    def _result(self, basis: Basis) -> BasisResult:
        tally = self.tallies[basis]
        undefined = [
            site.key
            for site, before, after in zip(
                self.study.sites,
                self.runs.sites_in(Case(basis, State.WITHOUT)),
                self.runs.sites_in(Case(basis, State.WITH)),
                strict=True,
            )
            if before.ratio_undefined or after.ratio_undefined
        ]
        return BasisResult(
            basis=basis,
            outcome=tally.outcome,
            worst=tally.worst(),
            constraints=tally.constraints(),
            near=tally.near(self.options.loading_warn_percent),
            collapsed=tuple(self.study.half_hours[at] for at in sorted(tally.collapsed)),
            ratio_undefined=tuple(undefined),
            engine=self.runs.engine,
            fallback_reason=self.runs.fallback_reason,
        )

    def _largest(
        self, outcome: Outcome, required: Sequence[Basis], failing: list[int]
    ) -> tuple[float | None, tuple[tuple[float, bool], ...]]:
        kw = self.study.studied_kw
        if not self.options.find_largest or kw <= 0:
            return None, ()
        if outcome is Outcome.PASS:
            return kw, ((kw, True),)
        unsolved = any(self.tallies[basis].unsolved for basis in required)
        if outcome is not Outcome.FAIL or unsolved:
            return None, ()
        everything = np.arange(len(self.study.half_hours))
        hardest = self._hardest(required, failing)

        def screen(capacities: Sequence[float]) -> list[bool]:
            return self._tried(capacities, required, hardest)

        def passes(capacity: float) -> bool:
            share = capacity / kw
            return (
                all(self._tried([capacity], required, when)[0] for when in self._parts(everything))
                and self.checks.pass_at(share, [hardest])
                and self.checks.pass_at(share, self._parts(everything))
            )

        return ladder.climb(kw, self.options, screen, passes)

    def _tried(
        self, capacities: Sequence[float], required: Sequence[Basis], when: IntArray
    ) -> list[bool]:
        """Say of each capacity whether the half-hours ``when`` pass on each required basis."""
        shares = [capacity / self.study.studied_kw for capacity in capacities]
        base = [
            Case(basis, state) for basis in required for state in State if state is not State.WITH
        ]
        tried = [Case(basis, State.WITH, share) for basis in required for share in shares]
        known = dict(zip(base, self.runs.solve([(c, when) for c in base]), strict=True))
        size = max(1, self.part // max(1, len(when)))
        verdicts = [True] * len(shares)
        for first in range(0, len(tried), size):
            part = tried[first : first + size]
            # A capacity whose row the batch cannot solve does not pass: no need to ask twice.
            for case, solved in zip(
                part, self.runs.solve([(c, when) for c in part], check=False), strict=True
            ):
                tally = Tally(self.runs.watched, self.study.half_hours)
                tally.add(
                    when,
                    known[Case(case.basis, State.REFERENCE)],
                    known[Case(case.basis, State.WITHOUT)],
                    solved,
                )
                if tally.outcome is not Outcome.PASS:
                    verdicts[shares.index(case.share)] = False
        return verdicts

    def _hardest(self, required: Sequence[Basis], failing: list[int]) -> IntArray:
        """Choose the failing half-hours that are furthest out: they decide most capacities."""
        far = dict.fromkeys(failing, 0.0)
        for basis in required:
            tally = self.tallies[basis]
            for at in tally.collapsed:
                far[at] = math.inf
            every = tally.merged()
            binds = every.kind != EXISTING
            scale = np.maximum(self.runs.watched.high[every.column], 1e-9)
            for at, value in zip(every.when[binds], (every.excess / scale)[binds], strict=True):
                far[int(at)] = max(far[int(at)], float(value))
        chosen = sorted(failing, key=lambda at: (-far[at], at))[:SCREENED]
        return np.array(sorted(chosen), np.int64)

    def _drawn_basis(self, required: Sequence[Basis]) -> Basis | None:
        """Choose the basis that binds: the first required that fails, else the tightest."""
        pool = list(required) or list(self.bases)
        for basis in pool:
            if self.tallies[basis].outcome is Outcome.FAIL:
                return basis
        if not pool:
            return None
        return min(pool, key=lambda basis: float(np.min(self.tallies[basis].room, initial=np.inf)))

    def _charts(self, basis: Basis) -> tuple[Chart, ...]:
        columns = self.tallies[basis].to_draw(MOST_CHARTS)
        if not columns:
            return ()
        drawn: dict[State, list[list[float | None]]] = {
            state: [[] for _ in columns] for state in State
        }
        for when in self._parts(np.arange(len(self.study.half_hours))):
            cases = [Case(basis, state) for state in State]
            for case, solved in zip(
                cases, self.runs.solve([(c, when) for c in cases]), strict=True
            ):
                for values, column in zip(drawn[case.state], columns, strict=True):
                    values += [
                        float(value) if ok and np.isfinite(value) else None
                        for value, ok in zip(solved.values[:, column], solved.ok, strict=True)
                    ]
        watched = self.runs.watched
        return tuple(
            Chart(
                element=watched.element[column],
                quantity="vm_pu"
                if watched.quantity[column] == "voltage"
                else watched.quantity[column],
                limit_low=float(watched.low[column]) if np.isfinite(watched.low[column]) else None,
                limit_high=float(watched.high[column]),
                unit=watched.unit[column],
                reference=tuple(drawn[State.REFERENCE][at]),
                without=tuple(drawn[State.WITHOUT][at]),
                with_=tuple(drawn[State.WITH][at]),
            )
            for at, column in enumerate(columns)
        )

    def _reason(
        self,
        outcome: Outcome,
        required: Sequence[Basis],
        results: Sequence[BasisResult],
        deciding: Sequence[Check],
    ) -> str:
        if outcome is Outcome.PASS:
            return ""
        for result in results:
            if result.basis not in required or result.outcome is not outcome:
                continue
            name = BASIS_NAMES[result.basis]
            if outcome is Outcome.NOT_CONVERGED:
                at = self.study.half_hours[min(self.tallies[result.basis].unsolved)]
                return (
                    f"{name}: the base case has no solution, first at {sentences.clock(at)}; "
                    "nothing can be said of the contract."
                )
            if result.collapsed:
                return (
                    f"{name}: no solution (voltage collapse) in {len(result.collapsed)} "
                    f"half-hours, first at {sentences.clock(result.collapsed[0])}."
                )
            binding = [c for c in result.constraints if c.kind is not Kind.EXISTING]
            return f"{name}: {sentences.of_constraint(binding[0])}"
        return next((sentences.of_check(each) for each in deciding if each.outcome is outcome), "")


def check(study: Study, network: Network) -> None:
    """Refuse a question that makes no sense.

    :raises EngineInputError: saying what is wrong with it.
    """
    if not study.half_hours:
        raise EngineInputError("The study has no half-hours.")
    if study.direction not in {"IMPORT", "EXPORT"}:
        raise EngineInputError(f"{study.direction!r} is no direction.")
    if not math.isfinite(study.studied_kw):
        raise EngineInputError("The studied capacity is not a finite number.")
    if study.options.step_kw <= 0:
        raise EngineInputError("The capacity step must be above 0 kW.")
    bases.check(study.sites, study.background, len(study.half_hours))
    covered = {*study.background, *(site.bus for site in study.sites)}
    for name in covered:
        network.position(name)
    for name in network.injected:
        if name not in covered:
            raise NoForecastError(
                f"Bus {name!r} has load or generation in the network model and no forecast."
            )


def _unstudied(outcome: Outcome, reason: str, failing: Sequence[datetime] = ()) -> Answer:
    return Answer(
        outcome=outcome,
        reason=reason,
        bases=(),
        failing=tuple(failing),
        largest_kw=None,
        ladder=(),
        charts=(),
        tap_positions={},
        versions=versions(),
    )


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | int | float | datetime):
        return _plain_scalar(value)
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(inner) for inner in value]
    return {
        field.name.rstrip("_"): _plain(getattr(value, field.name))
        for field in dataclasses.fields(value)
    }


def _plain_scalar(value: str | float | datetime | None) -> str | int | float | None:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value.value if isinstance(value, StrEnum) else value
