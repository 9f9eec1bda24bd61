"""The smallest set of sellers whose lowering lets something pass that does not pass alone.

Fewest sellers first, then the least kW in the market's step (domain 4.2, step 5). Which sellers:
the 0/1 program of ``program``, each at all it can lower, over limits learnt from sets that fail.
How much of each: a whole-number program over tangents of full power flows at what has failed.
Nothing is proposed that a full power flow did not pass on each required basis: the site with the
sellers lowering by just these kW, judged as every study is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from psa.engine import lines, study
from psa.engine.bases import State
from psa.engine.case import Answer, Basis, FloatArray, Outcome, Part, Study
from psa.engine.network import IntArray, load
from psa.engine.program import Chosen, Program
from psa.engine.together import Combined, Shares, Together, Verdict
from psa.engine.worst import Key, Stretches, by_key

MOST_ROUNDS = 60  # sets of sellers put to a power flow
MOST_SETS = 6  # of the fewest sellers, of which the one with the least kW is taken
MOST_STEPS = 25  # rounds for the kW of one set
HARDEST = 48  # half-hours kept in mind from what failed
SMALL = 0.02  # of what a seller can lower
Failed = tuple[Together, Verdict]  # the stretch and case of the forecasts that fail


@dataclass(frozen=True, slots=True)
class Lowering:
    """A seller, and by how much it lowers."""

    key: str
    kw: float


@dataclass(frozen=True, slots=True)
class SellersTried:
    """Sellers that were put to a power flow."""

    sellers: tuple[Lowering, ...]
    outcome: Outcome
    half_hours: int


@dataclass(frozen=True, slots=True)
class Relief:
    """Sellers that suffice, or none; the study with them; and what was tried."""

    sellers: tuple[Lowering, ...]
    answer: Answer | None
    tried: tuple[SellersTried, ...]


def smallest(stretches: Stretches) -> Relief:
    """Find sellers for a study that fails without any, among its ``sellers``.

    The question in each stretch of its window, on each case of the forecasts: sellers suffice in
    all of them.
    """
    return _Search(by_key(stretches)).answer()


class _Search:
    def __init__(self, studies: Mapping[Key, Study]) -> None:
        asked = next(iter(studies.values()))
        self.step = asked.options.step_kw
        everywhere = set.intersection(
            *({part.key for part in each.sellers} for each in studies.values())
        )
        self.parts = [
            part for part in asked.sellers if part.key in everywhere and _most_kw(part) >= self.step
        ]
        self.most_kw = [_most_kw(part) for part in self.parts]
        # What a seller can lower is rounded down to the market's step.
        self.steps = [int(kw / self.step + 1e-9) for kw in self.most_kw]
        self.cases = {key: self._together(each) for key, each in studies.items()}
        self.together = next(iter(self.cases.values()))
        self.program = Program([-1] * len(self.parts), self.together.of_part)
        self.hard: dict[int, list[int]] = {at: [] for at, _ in studies}
        self.tried: list[SellersTried] = []

    def _together(self, asked: Study) -> Together:
        own = {part.key: part for part in asked.sellers}
        parts = [own[part.key] for part in self.parts]
        return Together(replace(asked, sellers=()), parts, load(asked.network))

    def answer(self) -> Relief:
        found: list[tuple[float, tuple[int, ...]]] = []
        answers: dict[tuple[int, ...], Answer] = {}
        if self.parts:
            failed = self._passes((0,) * len(self.parts))
            if failed is None:  # only a further check fails it, the loss of an element say
                return self._for_checks()
            self._learn(frozenset(), failed)
            # Not the last word: full capacity puts a seller that is named to all it has left.
            if failed := self._passes(tuple(self.steps)):
                self._learn(frozenset(range(len(self.parts))), failed)
        for _ in range(MOST_ROUNDS if self.parts else 0):
            chosen = self.program.best()
            if chosen is None or (found and len(chosen) > self._named(found[0][1])):
                break
            self.program.failed.append(chosen)
            counts = self._least(chosen)
            if counts is None:
                continue
            of_cases = self._answers(counts)
            answers[counts] = of_cases[0]
            if all(each.outcome is Outcome.PASS for each in of_cases):
                found.append((sum(counts) * self.step, counts))
                if len(found) == MOST_SETS:
                    break
        if not found:
            return Relief((), None, tuple(self.tried))
        _, counts = min(found)
        return Relief(self._lowerings(counts), answers[counts], tuple(self.tried))

    def _for_checks(self) -> Relief:
        """Find sellers for what fails a further check alone, by whole studies: no slopes know it.

        One that suffices; else all, without each that is not needed. Then less of each.
        """
        self.tried.clear()  # on the bases alone it passes
        every = range(len(self.parts))
        alone = [self._counts_of([at]) for at in every]
        best = next((counts for counts in alone if self._suffices(counts)), None)
        if best is None and len(self.parts) > 1 and self._suffices(tuple(self.steps)):
            best = tuple(self.steps)
            for at in every:
                fewer = (*best[:at], 0, *best[at + 1 :])
                best = fewer if any(fewer) and self._suffices(fewer) else best
        if best is None:
            return Relief((), None, tuple(self.tried))
        for at in every:
            low, high = 0, best[at]
            while high - low > 1:
                middle = (low + high) // 2
                fewer = (*best[:at], middle, *best[at + 1 :])
                if self._suffices(fewer):
                    best, high = fewer, middle
                else:
                    low = middle
        return Relief(self._lowerings(best), self._answers(best)[0], tuple(self.tried))

    def _suffices(self, counts: tuple[int, ...]) -> bool:
        """Put sellers to a whole study, further checks and all; none once so many were tried."""
        if len(self.tried) >= MOST_ROUNDS:
            return False
        outcome = next(
            (each.outcome for each in self._answers(counts) if each.outcome is not Outcome.PASS),
            Outcome.PASS,
        )
        lengths = {at: len(case.study.half_hours) for (at, _), case in self.cases.items()}
        self._note(counts, outcome, sum(lengths.values()))
        return outcome is Outcome.PASS

    def _answers(self, counts: tuple[int, ...]) -> list[Answer]:
        return [study.answer(self._study_of(each, counts)) for each in self.cases.values()]

    def _counts_of(self, chosen: Collection[int]) -> tuple[int, ...]:
        return tuple(self.steps[at] if at in chosen else 0 for at in range(len(self.parts)))

    def _least(self, chosen: Chosen) -> tuple[int, ...] | None:
        """Give the least steps of a set of sellers that pass; None if all they have does not."""
        if not chosen:
            return None
        whole = self._counts_of(chosen)
        failed = self._passes(whole)
        if failed is not None:
            self._learn(chosen, failed)
            return None
        best = whole
        rows: list[FloatArray] = []
        most: list[float] = []
        for _ in range(MOST_STEPS):
            counts = self._program_of(sorted(chosen), rows, most)
            if counts is None or sum(counts) >= sum(best):
                break
            failed = self._passes(counts)
            if failed is None:
                best = counts
                break
            learnt = self._tangents(counts, sorted(chosen), failed)
            if not learnt:
                break
            rows += [row for row, _ in learnt]
            most += [limit for _, limit in learnt]
        return self._trimmed(best, sorted(chosen))

    def _trimmed(self, counts: tuple[int, ...], chosen: Sequence[int]) -> tuple[int, ...]:
        """Halve what each seller lowers too much: tangents may have asked for more than is due."""
        for at in chosen:
            low, high = 0, counts[at]
            while high - low > 1:
                middle = (low + high) // 2
                fewer = (*counts[:at], middle, *counts[at + 1 :])
                if self._passes(fewer) is None:
                    counts, high = fewer, middle
                else:
                    low = middle
        return counts

    def _passes(self, counts: tuple[int, ...]) -> Failed | None:
        """Put steps to a power flow, the hardest half-hours first; None: they pass."""
        shares = self._shares(counts)
        active = {at: each.active(shares) for (at, _), each in reversed(self.cases.items())}
        hard = {at: np.array(sorted(own), np.int64) for at, own in self.hard.items()}
        for whens in (hard, active):
            for (at, _), case in self.cases.items():
                when = whens[at]
                if not len(when):
                    continue
                verdict = case.judge(shares, when)
                if verdict.outcome is not Outcome.PASS:
                    known = self.hard[at]
                    new = [each for each in verdict.failing() if each not in known]
                    known += new[: max(0, HARDEST - len(known))]
                    self._note(counts, verdict.outcome, len(when))
                    return case, verdict
        self._note(counts, Outcome.PASS, sum(len(when) for when in active.values()))
        return None

    def _learn(self, chosen: Chosen, failed: Failed) -> None:
        self.program.failed.append(chosen)
        case, verdict = failed
        shares = self._whole(chosen)
        sites = [case.place_of(self.together, site) for site in self.program.sites]
        self.program.lines += lines.learnt(case, sites, shares, verdict)

    def _tangents(
        self, counts: tuple[int, ...], chosen: Sequence[int], failed: Failed
    ) -> list[tuple[FloatArray, float]]:
        """Give rows and limits in steps of the chosen: straight through what failed."""
        case, verdict = failed
        found: list[tuple[FloatArray, float]] = []
        for basis, tally in verdict.tallies.items():
            cells = lines.worst_cells(tally)
            if cells:
                found += self._of_basis(case, basis, counts, chosen, cells)
        return found

    def _of_basis(
        self,
        together: Together,
        basis: Basis,
        counts: tuple[int, ...],
        chosen: Sequence[int],
        cells: Sequence[lines.Cell],
    ) -> list[tuple[FloatArray, float]]:
        when: IntArray = np.unique([cell.when for cell in cells])
        few, here = together.at(when), self._shares(counts)
        parties = few.parties(here)

        def case(shares: Shares, state: State = State.WITH) -> Combined:
            return Combined(basis, state, shares=shares, parties=parties)

        steps = []
        for at in chosen:
            up, down = min(1.0, here[at] + SMALL), max(0.0, here[at] - SMALL)
            steps.append((lines.with_share(here, at, up), lines.with_share(here, at, down)))
        wanted = [case(shares) for pair in steps for shares in pair]
        wanted += [case(here), case(here, State.WITHOUT), case(here, State.REFERENCE)]
        solved = few.values(wanted)
        value, without, never = solved[-3:]
        watched, found = few.runs.watched, []
        for cell in cells:
            row, column = int(np.searchsorted(when, cell.when)), cell.column
            sign = 1.0 if cell.upper else -1.0
            limit = sign * (watched.high if cell.upper else watched.low)[column]
            before = sign * without[row, column]
            if before > limit:
                worse = watched.tolerance[column] + sign * never[row, column]
                limit = max(before, worse if np.isfinite(worse) else before)
                limit += watched.noise[column]
            slopes = np.array(
                [
                    sign
                    * (solved[2 * n][row, column] - solved[2 * n + 1][row, column])
                    / (steps[n][0][at] - steps[n][1][at])
                    / self.steps[at]
                    for n, at in enumerate(chosen)
                ]
            )
            here_value = sign * value[row, column]
            if not np.isfinite([*slopes, here_value, limit]).all() or not slopes.any():
                continue
            now = np.array([counts[at] for at in chosen], np.float64)
            scale = float(np.abs(slopes).max())
            found.append((slopes / scale, float(limit - here_value + slopes @ now) / scale))
        return found

    def _program_of(
        self, chosen: Sequence[int], rows: Sequence[FloatArray], most: Sequence[float]
    ) -> tuple[int, ...] | None:
        size = len(chosen)
        result = milp(
            np.ones(size),
            integrality=np.ones(size),
            bounds=Bounds(np.ones(size), np.array([self.steps[at] for at in chosen], np.float64)),
            constraints=LinearConstraint(np.array(rows), -np.inf, most) if rows else None,
            options={"mip_rel_gap": 0.0},
        )
        if result.x is None:
            return None
        steps = dict(zip(chosen, np.round(result.x).astype(int), strict=True))
        return tuple(int(steps.get(at, 0)) for at in range(len(self.parts)))

    def _shares(self, counts: Sequence[int]) -> Shares:
        return tuple(
            min(1.0, count * self.step / kw) if count else 0.0
            for count, kw in zip(counts, self.most_kw, strict=True)
        )

    def _whole(self, chosen: Chosen) -> Shares:
        return self._shares(self._counts_of(chosen))

    def _study_of(self, case: Together, counts: Sequence[int]) -> Study:
        asked = case.study_of(self._shares(counts))
        return replace(
            asked,
            studied_kw=case.study.studied_kw,
            options=replace(asked.options, find_largest=False),
        )

    def _note(self, counts: Sequence[int], outcome: Outcome, half_hours: int) -> None:
        self.tried.append(SellersTried(self._lowerings(counts), outcome, half_hours))

    def _lowerings(self, counts: Sequence[int]) -> tuple[Lowering, ...]:
        return tuple(
            Lowering(part.key, count * self.step)
            for part, count in zip(self.parts, counts, strict=True)
            if count
        )

    def _named(self, counts: Sequence[int]) -> int:
        return sum(count > 0 for count in counts)


def _most_kw(part: Part) -> float:
    return max(float(shift.sold.max(initial=0.0)) for shift in part.shifts)
