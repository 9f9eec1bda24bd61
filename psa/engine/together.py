"""Parts of a study in any combination: the study that each is, and what each part does to it.

A combination is a share for each part, 0 to 1. It is studied as any contract is: its parties are
those of the parts in it, and only the half-hours in which it changes something are judged.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from psa.engine.bases import Case, SiteSeries, State, site_series
from psa.engine.case import (
    Basis,
    FloatArray,
    Outcome,
    Part,
    Profile,
    Rights,
    Shift,
    Study,
    StudySite,
)
from psa.engine.judge import EXISTING, Tally
from psa.engine.network import IntArray, Network
from psa.engine.runs import Runs

Shares = tuple[float, ...]
Series = TypeVar("Series", Profile, Rights, Shift)
Parties = frozenset[int]  # positions of sites that are studied
PART_BYTES = 8 * 1024 * 1024  # of values held for one case at a time


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a power flow of a combination says on each required basis, in the half-hours tried."""

    outcome: Outcome
    tallies: dict[Basis, Tally]

    def failing(self) -> list[int]:
        """Give the half-hours that fail, the furthest out first."""
        far: dict[int, float] = {}
        for tally in self.tallies.values():
            for at in (*tally.collapsed, *tally.unsolved):
                far[at] = math.inf
            every = tally.merged()
            binds = every.kind != EXISTING
            scale = np.maximum(np.abs(tally.watched.high[every.column]), 1e-9)
            for at, value in zip(every.when[binds], (every.excess / scale)[binds], strict=True):
                far[int(at)] = max(far.get(int(at), 0.0), float(value))
        return sorted(far, key=lambda at: (-far[at], at))


class Together:
    """A study's own changes, always in, and parts of which any may be in by any share."""

    def __init__(self, study: Study, parts: Sequence[Part], network: Network) -> None:
        self.study, self.parts, self.network = study, tuple(parts), network
        self.position = {site.key: at for at, site in enumerate(study.sites)}
        self.always: Parties = frozenset(at for at, site in enumerate(study.sites) if site.studied)
        self.of_part: list[Parties] = [
            frozenset(
                self.position[shift.site]
                for shift in part.shifts
                if shift.direction == study.direction
            )
            for part in self.parts
        ]
        self.touched: list[Parties] = [
            frozenset(self.position[shift.site] for shift in part.shifts) for part in self.parts
        ]

    def place_of(self, other: Together, site: int) -> int:
        """Give the position of another's site here: of each stretch the sites may be others."""
        return self.position[other.study.sites[site].key]

    @cached_property
    def runs(self) -> CombinedRuns:
        return CombinedRuns(self)

    def none(self) -> Shares:
        return (0.0,) * len(self.parts)

    def all_of(self, chosen: Iterable[int]) -> Shares:
        """Give the shares of a set of parts, each whole."""
        inside = set(chosen)
        return tuple(1.0 if at in inside else 0.0 for at in range(len(self.parts)))

    def parties(self, shares: Shares) -> Parties:
        """Name the sites that run at full capacity where that basis asks it of the studied."""
        return self.always.union(
            *(sites for sites, share in zip(self.of_part, shares, strict=True) if share > 0)
        )

    def study_of(self, shares: Shares) -> Study:
        """Give the study of a combination, over the half-hours in which it changes something."""
        return only(self.whole_study_of(shares), self.active(shares))

    def whole_study_of(self, shares: Shares) -> Study:
        """Give the study of a combination over every half-hour of the window."""
        kw = self.study.studied_kw + sum(
            share * bought_kw(part, self.study.direction)
            for part, share in zip(self.parts, shares, strict=True)
        )
        sites = self.sites_of(shares, self.parties(shares))
        return replace(self.study, sites=sites, studied_kw=kw, parts=())

    def sites_of(self, shares: Shares, parties: Parties) -> tuple[StudySite, ...]:
        """Give the sites with a combination in their registers."""
        shifts: dict[int, list[tuple[float, Shift]]] = {}
        for part, share in zip(self.parts, shares, strict=True):
            if share > 0:
                for shift in part.shifts:
                    shifts.setdefault(self.position[shift.site], []).append((share, shift))
        return tuple(
            replace(
                site,
                studied=at in parties,
                import_after=_shifted(site.import_after, shifts.get(at, []), "IMPORT"),
                export_after=_shifted(site.export_after, shifts.get(at, []), "EXPORT"),
            )
            for at, site in enumerate(self.study.sites)
        )

    def active(self, shares: Shares) -> IntArray:
        """Give the half-hours in which a combination changes something."""
        changed = np.zeros(len(self.study.half_hours), bool)
        for site in self.study.sites:
            for before, after in (
                (site.import_before, site.import_after),
                (site.export_before, site.export_after),
            ):
                if after is not None:
                    was = (0.0, 0.0) if before is None else (before.bought, before.sold)
                    changed |= (after.bought != was[0]) | (after.sold != was[1])
        for part, share in zip(self.parts, shares, strict=True):
            if share > 0:
                for shift in part.shifts:
                    changed |= (shift.bought > 0) | (shift.sold > 0)
        return np.flatnonzero(changed)

    def at(self, when: IntArray) -> Together:
        """Give the same parts over some of the half-hours only."""
        return Together(
            only(self.study, when),
            [
                replace(
                    part,
                    shifts=tuple(_cut(shift, when) for shift in part.shifts),
                )
                for part in self.parts
            ],
            self.network,
        )

    def judge(self, shares: Shares, when: IntArray) -> Verdict:
        """Solve a combination in some half-hours and judge it as every study is judged.

        A row that the batch cannot solve does not pass: it is not asked of pandapower.
        """
        [verdict] = self.judge_each([shares], when)
        return verdict

    def judge_each(self, several: Sequence[Shares], when: IntArray) -> list[Verdict]:
        """Judge combinations, each by itself, in few batches."""
        required, watched = self.study.options.required, self.runs.watched
        verdicts = [
            {basis: Tally(watched, self.study.half_hours) for basis in required} for _ in several
        ]
        wanted = [
            (tallies[basis], basis, shares, self.parties(shares))
            for tallies, shares in zip(verdicts, several, strict=True)
            for basis in required
        ]
        size = max(8, PART_BYTES // max(8, 8 * len(watched)))
        for first in range(0, len(when), size):
            rows = when[first : first + size]
            at_once = max(1, size // len(rows))
            for start in range(0, len(wanted), at_once):
                few = wanted[start : start + at_once]
                cases = [
                    (Combined(basis, state, shares=shares, parties=parties), rows)
                    for _, basis, shares, parties in few
                    for state in State
                ]
                solved = iter(self.runs.solve(cases, check=False))
                for tally, *_ in few:
                    tally.add(rows, next(solved), next(solved), next(solved))
        return [Verdict(_outcome(tallies.values()), tallies) for tallies in verdicts]

    def values(self, wanted: Sequence[Combined]) -> list[FloatArray]:
        """Solve combinations in all half-hours in one batch: (T, watched), NaN: no solution."""
        everything = np.arange(len(self.study.half_hours))
        found = []
        for solved in self.runs.solve([(case, everything) for case in wanted], check=False):
            values = solved.values.astype(np.float64)
            values[~solved.ok] = np.nan
            found.append(values)
        return found


@dataclass(frozen=True, slots=True)
class Combined(Case):
    """A case of a combination: its parts' shares, and the sites that are studied."""

    shares: Shares = ()
    parties: Parties = frozenset()


class CombinedRuns(Runs):
    """The power flows of a study's combinations."""

    def __init__(self, together: Together) -> None:
        super().__init__(together.study, together.network)
        self.together = together

    def sites_in(self, case: Case) -> list[SiteSeries]:
        """Give what every site draws in a case, in the study's order."""
        if not isinstance(case, Combined):
            return super().sites_in(case)
        if case not in self.series:
            plain = Case(case.basis, case.state)
            usual = self.sites_in(plain)
            touched = (case.parties ^ self.together.always).union(
                *(
                    sites
                    for sites, share in zip(self.together.touched, case.shares, strict=True)
                    if share > 0
                )
            )
            self.series[case] = [
                site_series(site, self.study.direction, plain) if at in touched else usual[at]
                for at, site in enumerate(self.together.sites_of(case.shares, case.parties))
            ]
        return self.series[case]


def _outcome(tallies: Iterable[Tally]) -> Outcome:
    outcomes = {tally.outcome for tally in tallies}
    for decisive in (Outcome.FAIL, Outcome.NOT_CONVERGED):
        if decisive in outcomes:
            return decisive
    return Outcome.PASS


def bought_kw(part: Part, direction: str) -> float:
    """Give the kW that a part buys in a direction."""
    return float(
        sum(shift.bought.max(initial=0.0) for shift in part.shifts if shift.direction == direction)
    )


def only(study: Study, when: IntArray) -> Study:
    """Give a study of some of its half-hours."""
    return replace(
        study,
        half_hours=tuple(study.half_hours[at] for at in when),
        background={bus: _cut(profile, when) for bus, profile in study.background.items()},
        sites=tuple(_site_at(site, when) for site in study.sites),
        parts=(),
        sellers=(),
    )


def _site_at(site: StudySite, when: IntArray) -> StudySite:
    return replace(
        site,
        forecast=_cut(site.forecast, when),
        import_before=_rights_at(site.import_before, when),
        import_after=_rights_at(site.import_after, when),
        export_before=_rights_at(site.export_before, when),
        export_after=_rights_at(site.export_after, when),
    )


def _cut(series: Series, when: IntArray) -> Series:
    """Give series of some half-hours; what is not by half-hour stays."""
    by_half_hour: dict[str, Any] = {
        each.name: value[when]
        for each in dataclasses.fields(series)
        if isinstance(value := getattr(series, each.name), np.ndarray)
    }
    return replace(series, **by_half_hour)


def _rights_at(rights: Rights | None, when: IntArray) -> Rights | None:
    return None if rights is None else _cut(rights, when)


def _shifted(
    rights: Rights | None, shifts: Sequence[tuple[float, Shift]], direction: str
) -> Rights | None:
    """Add shares of shifts to a register; what is bought counts whole, its ceiling raised."""
    mine = [(share, shift) for share, shift in shifts if shift.direction == direction]
    if not mine:
        return rights
    if rights is None:
        zero = np.zeros_like(mine[0][1].bought)
        rights = Rights(agreed=zero, ceiling=zero, bought=zero, sold=zero)
    bought, sold, ceiling = rights.bought.copy(), rights.sold.copy(), rights.ceiling.copy()
    for share, shift in mine:
        bought += share * shift.bought
        sold += share * shift.sold
    gains = bought > rights.bought
    ceiling[gains] = np.maximum(ceiling, rights.agreed + bought)[gains]
    return Rights(agreed=rights.agreed, ceiling=ceiling, bought=bought, sold=sold)
