"""Of parts that are asked for together, the most capacity that the network bears.

Most energy right first (bought kW times hours), then the earliest parts: decision 14. A set is
returned only if a full power flow passed it, all its parts together, on each required basis, by the
judge of every study. The search is: everything together; each part on top of those before it
that fit (so the answer is never worse than that); a 0/1 program over the limits learnt from sets
that failed (``program``), each proposal put to a power flow; last, each part left out on top of
the set, so that none is left out that would fit, and the constraint that keeps it out is named.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from psa.engine import ladder, lines, study
from psa.engine.case import Answer, Outcome, Part, Study
from psa.engine.errors import EngineInputError, NoForecastError
from psa.engine.network import IntArray, load
from psa.engine.program import Chosen, Line, Program
from psa.engine.together import Shares, Together, Verdict, bought_kw
from psa.engine.worst import Key, Stretches, by_key, failing_in, told

MOST_ROUNDS = 200  # proposals of the program that are put to a power flow
MOST_WHOLE = 60  # sets put to a whole study: only further checks (an outage) fail so late
HARDEST = 24  # half-hours kept in mind from sets that failed: a proposal meets them first
MOST_EXPLAINED = 25  # parts left out for which the largest passing capacity is sought


@dataclass(frozen=True, slots=True)
class PartResult:
    """What becomes of one part."""

    key: str
    outcome: Outcome  # pass: in the set; fail: left out; else nothing can be said
    bought_kw: float
    energy_kwh: float  # the right to use, not the use
    reason: str  # of a part left out: what binds if it is added to the set
    constraint: dict[str, Any] | None  # the same as in a study's result, with its basis
    largest_kw: float | None  # of a part left out: the most that passes on top of the set
    ladder: tuple[tuple[float, bool], ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """A set that was put to a power flow."""

    keys: tuple[str, ...]
    found_by: str  # "together", "in turn", "program", "added"
    outcome: Outcome
    half_hours: int  # in how many it was tried: a set that fails a few needs no more
    reason: str


@dataclass(frozen=True, slots=True)
class SubsetAnswer:
    """The study of the chosen set (of everything, where none passes), and how it was found."""

    answer: Answer
    parts: tuple[PartResult, ...]
    tried: tuple[Tried, ...]
    exhausted: bool = False  # the program was stopped before it had ruled out every heavier set
    # Whose answer it is, and those of every stretch and case of the forecasts.
    key: Key = (0, "")
    answers: Mapping[Key, Answer] = field(default_factory=dict)
    stretches: int = 1


def answer(stretches: Stretches, *, reference: bool = False) -> SubsetAnswer:
    """Choose among a study's parts. Bad physics is an outcome, never an exception.

    The question in each stretch of its window, on each case of the forecasts: what passes, passes
    in all of them.
    Without an answer to everything together (no convergence in a base case, a gap) there is none
    at all. ``reference``: the answer of the chosen set by pandapower's own power flow alone.
    """
    try:
        studies = by_key(stretches)
        for asked in studies.values():
            _check(asked)
        together = {key: _together(asked) for key, asked in studies.items()}
    except NoForecastError as gap:
        return _unstudied(Outcome.NO_FORECAST, str(gap))
    except EngineInputError as error:
        return _unstudied(Outcome.ENGINE_ERROR, str(error))
    return _Search(together, reference=reference).answer()


def as_json(found: SubsetAnswer) -> dict[str, Any]:
    """Give the answer as plain JSON values: a study's result with its parts and sets tried."""
    plain = study.as_json(found.answer)
    plain["parts"] = [study.as_json(part) for part in found.parts]
    plain["tried"] = [study.as_json(tried) for tried in found.tried]
    plain["exhausted"] = found.exhausted
    if found.stretches > 1:
        plain["failing"] = failing_in(found.answers)
    return plain | told(found.answers, found.key, stretches=found.stretches)


def with_parts(asked: Study, keys: Collection[str]) -> Study:
    """Give the study of some of a study's parts together, over every half-hour of its window."""
    together = _together(asked)
    chosen = frozenset(at for at, part in enumerate(asked.parts) if part.key in keys)
    return together.whole_study_of(together.all_of(chosen))


def energy_kwh(part: Part) -> float:
    """Give a part's weight: the energy that what it buys gives the right to move."""
    return float(sum(shift.bought.sum() for shift in part.shifts)) / 2


class _Search:
    """One search while it is under way."""

    def __init__(self, cases: dict[Key, Together], *, reference: bool) -> None:
        self.cases = cases
        # One for each stretch: what the forecasts say has no part in capacities and half-hours.
        self.stretches = {at: each for (at, _), each in reversed(cases.items())}
        self.together = next(iter(cases.values()))
        self.reference = reference
        self.parts = self.together.parts
        self.everything: Chosen = frozenset(range(len(self.parts)))
        whole = [each.parts for each in self.stretches.values()]
        direction = self.together.study.direction
        self.kw = [
            max(bought_kw(part, direction) for part in own) for own in zip(*whole, strict=True)
        ]
        self.energy = [sum(energy_kwh(part) for part in own) for own in zip(*whole, strict=True)]
        # Thousandths of a kW over half-hours: whole numbers, so that equal is equal.
        self.weights = [round(energy * 2000) for energy in self.energy]
        self.program = Program(self.weights, self.together.of_part)
        self.tried: dict[Chosen, Tried] = {}
        self.answers: dict[Chosen, dict[Key, Answer]] = {}
        self.hard: dict[int, list[int]] = {at: [] for at in self.stretches}
        self.exhausted = False

    def answer(self) -> SubsetAnswer:
        whole = self._passes(self.everything, "together")
        outcome = self.tried[self.everything].outcome
        tried = self.tried.values()
        if not whole and outcome is not Outcome.FAIL:
            return self._told(self.answers[self.everything], (), tuple(tried))
        chosen = self.everything if whole else self._added(self._searched(self._in_turn()))
        parts = tuple(
            self._kept(at) if at in chosen else self._left_out(at, chosen)
            for at in range(len(self.parts))
        )
        answers = self.answers[chosen or self.everything]
        if self.reference:
            answers = self._answered(chosen or self.everything, reference=True)
        return self._told(answers, parts, tuple(tried))

    def _told(
        self,
        answers: Mapping[Key, Answer],
        parts: tuple[PartResult, ...],
        tried: tuple[Tried, ...],
    ) -> SubsetAnswer:
        key, count = _worst(answers), len(self.stretches)
        beside = answers if parts or count > 1 else {}
        return SubsetAnswer(answers[key], parts, tried, self.exhausted, key, beside, count)

    def _in_turn(self) -> Chosen:
        chosen: Chosen = frozenset()
        for at in range(len(self.parts)):
            if self._passes(chosen | {at}, "in turn"):
                chosen |= {at}
        return chosen

    def _searched(self, best: Chosen) -> Chosen:
        for _ in range(MOST_ROUNDS):
            proposed = self.program.best()
            if proposed is None or not self._better(proposed, best):
                return best
            if len(self.answers) > MOST_WHOLE:
                break
            if self._passes(proposed, "program"):
                return proposed
        self.exhausted = True
        return best

    def _added(self, chosen: Chosen) -> Chosen:
        for at in range(len(self.parts)):
            if at not in chosen and self._passes(chosen | {at}, "added"):
                chosen |= {at}
        return chosen

    def _better(self, one: Chosen, other: Chosen) -> bool:
        def rank(chosen: Chosen) -> tuple[int, list[bool]]:
            weight = sum(self.weights[at] for at in chosen)
            return weight, [at in chosen for at in range(len(self.parts))]

        return rank(one) > rank(other)

    def _passes(self, chosen: Chosen, found_by: str) -> bool:
        """Put a set to a power flow, once: the half-hours that failed others before the rest."""
        if chosen in self.tried:
            return self.tried[chosen].outcome is Outcome.PASS
        shares = self.together.all_of(chosen)
        active = self._active(shares)
        for key, each in self.cases.items():
            at = key[0]
            hard = np.intersect1d(np.array(self.hard[at], np.int64), active[at])
            if len(hard):
                verdict = each.judge(shares, hard)
                if verdict.outcome is not Outcome.PASS:
                    self._note(chosen, found_by, verdict.outcome, len(hard), "")
                    self._learn(key, shares, verdict)
                    return False
        answers = self.answers[chosen] = self._answered(chosen)
        key = _worst(answers)
        found = answers[key]
        tried = sum(len(when) for when in active.values())
        self._note(chosen, found_by, found.outcome, tried, found.reason)
        if found.outcome is Outcome.PASS:
            return True
        where = self._positions(found, key)
        verdict = self.cases[key].judge(shares, where if len(where) else active[key[0]])
        self._learn(key, shares, verdict)
        return False

    def _active(self, shares: Shares) -> dict[int, IntArray]:
        """Give the half-hours of each stretch in which a combination changes something."""
        return {at: each.active(shares) for at, each in self.stretches.items()}

    def _answered(self, chosen: Chosen, *, reference: bool = False) -> dict[Key, Answer]:
        """Answer a set in the stretches in which it changes something."""
        shares = self.together.all_of(chosen)
        touched = [at for at, when in self._active(shares).items() if len(when)] or [0]
        return {
            key: study.answer(_asked(each, shares), reference=reference)
            for key, each in self.cases.items()
            if key[0] in touched
        }

    def _note(
        self, chosen: Chosen, found_by: str, outcome: Outcome, half_hours: int, reason: str
    ) -> None:
        keys = tuple(self.parts[at].key for at in sorted(chosen))
        self.tried[chosen] = Tried(keys, found_by, outcome, half_hours, reason)
        if outcome is not Outcome.PASS:
            self.program.failed.append(chosen)

    def _learn(self, key: Key, shares: Shares, verdict: Verdict) -> None:
        hard, case = self.hard[key[0]], self.cases[key]
        for at in verdict.failing():
            if at not in hard and len(hard) < HARDEST:
                hard.append(at)
        sites = [case.place_of(self.together, site) for site in self.program.sites]
        learnt: list[Line] = lines.learnt(case, sites, shares, verdict)
        self.program.lines += learnt

    def _kept(self, at: int) -> PartResult:
        kw = self.kw[at]
        return PartResult(self.parts[at].key, Outcome.PASS, kw, self.energy[at], "", None, kw, ())

    def _left_out(self, at: int, chosen: Chosen) -> PartResult:
        """Say what keeps a part out of the set, and how much of it would pass on top of it."""
        part, kw = self.parts[at], self.kw[at]
        beside = chosen | {at}
        if beside not in self.answers:
            self.answers[beside] = self._answered(beside)
        key = _worst(self.answers[beside])
        found = self.answers[beside][key]
        largest: float | None = None
        steps: tuple[tuple[float, bool], ...] = ()
        explained = sum(each not in chosen for each in range(at))
        if found.outcome is Outcome.FAIL and kw > 0 and explained < MOST_EXPLAINED:
            largest, steps = self._largest(at, chosen, kw, key, found)
        outcome = self.tried[beside].outcome
        if found.outcome is not Outcome.FAIL:
            outcome = Outcome.NOT_CONVERGED
        return PartResult(
            key=part.key,
            outcome=outcome,
            bought_kw=kw,
            energy_kwh=self.energy[at],
            reason=found.reason,
            constraint=_binding(found, self.together.study),
            largest_kw=largest,
            ladder=steps,
        )

    def _largest(
        self, at: int, chosen: Chosen, kw: float, key: Key, found: Answer
    ) -> tuple[float | None, tuple[tuple[float, bool], ...]]:
        active = self._active(self.together.all_of(chosen | {at}))
        hardest = self._positions(found, key)[:HARDEST]
        alike = [each for (place, _), each in self.cases.items() if place == key[0]]

        def at_kw(capacity: float) -> Shares:
            shares = list(self.together.all_of(chosen))
            shares[at] = capacity / kw
            return tuple(shares)

        def screen(capacities: Sequence[float]) -> list[bool]:
            several = [at_kw(each) for each in capacities]
            verdicts = [each.judge_each(several, hardest) for each in alike]
            return [
                all(verdict.outcome is Outcome.PASS for verdict in of_one)
                for of_one in zip(*verdicts, strict=True)
            ]

        def passes(capacity: float) -> bool:
            shares = at_kw(capacity)
            return all(
                each.judge(shares, active[place]).outcome is Outcome.PASS
                for (place, _), each in self.cases.items()
                if len(active[place])
            ) and all(
                study.answer(_asked(each, shares)).outcome is Outcome.PASS
                for (place, _), each in self.cases.items()
                if len(active[place])
            )

        return ladder.climb(kw, self.together.study.options, screen, passes)

    def _positions(self, found: Answer, key: Key) -> IntArray:
        seconds = [at.timestamp() for at in self.cases[key].study.half_hours]
        failing = [at.timestamp() for at in found.failing]
        return np.searchsorted(seconds, failing).astype(np.int64)


def _together(asked: Study) -> Together:
    """Give the register without any part, and the parts."""
    without = tuple(
        replace(
            site, studied=False, import_after=site.import_before, export_after=site.export_before
        )
        for site in asked.sites
    )
    alone = replace(asked, sites=without, studied_kw=0.0, parts=())
    return Together(alone, asked.parts, load(asked.network))


def _asked(together: Together, shares: Shares) -> Study:
    asked = together.study_of(shares)
    return replace(asked, options=replace(asked.options, find_largest=False))


def _worst(answers: Mapping[Key, Answer]) -> Key:
    """Choose the stretch and case that decide: a fail before no answer before a pass."""
    order = (Outcome.FAIL, Outcome.NOT_CONVERGED, Outcome.NO_FORECAST, Outcome.ENGINE_ERROR)
    rank = {outcome: at for at, outcome in enumerate(order)}
    return min(answers, key=lambda key: rank.get(answers[key].outcome, len(rank)))


def _binding(found: Answer, asked: Study) -> dict[str, Any] | None:
    for result in found.bases:
        if result.basis in asked.options.required:
            for constraint in result.constraints:
                if constraint.kind.value != "existing":
                    plain = study.as_json(constraint)
                    return {**plain, "basis": result.basis.value}
    return None


def _check(asked: Study) -> None:
    length, known = len(asked.half_hours), {site.key for site in asked.sites}
    if len({part.key for part in asked.parts}) < len(asked.parts):
        raise EngineInputError("Two parts of the study bear one key.")
    for part in asked.parts:
        for shift in part.shifts:
            if shift.site not in known:
                raise EngineInputError(f"Part {part.key!r} names a site that is not studied.")
            for values in (shift.bought, shift.sold):
                if np.shape(values) != (length,) or not (np.isfinite(values) & (values >= 0)).all():
                    raise EngineInputError(
                        f"Part {part.key!r} does not give {length} half-hours of kW, none negative."
                    )


def _unstudied(outcome: Outcome, reason: str) -> SubsetAnswer:
    nothing = Answer(
        outcome=outcome,
        reason=reason,
        bases=(),
        failing=(),
        largest_kw=None,
        ladder=(),
        charts=(),
        tap_positions={},
        versions=study.versions(),
    )
    return SubsetAnswer(nothing, (), ())
