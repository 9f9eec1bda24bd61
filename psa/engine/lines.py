"""What a combination that fails teaches about the others: a line per quantity and half-hour.

Each part's effect is a difference of full power flows in that half-hour: alone against nothing,
last among those in the failing combination, and for a small share there. The least of the three
counts for adding a part and the most for leaving it out (``program``), with some more for the
bend that none of them shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from psa.engine.bases import State
from psa.engine.case import Basis, FloatArray
from psa.engine.judge import EXISTING, Tally
from psa.engine.network import IntArray
from psa.engine.program import Line
from psa.engine.together import Combined, Parties, Shares, Together, Verdict

MOST_CELLS, MOST_OF_ONE = 8, 2  # quantities and half-hours learnt from a failing combination
SMALL = 0.05  # share of a part
DOUBT = 0.1  # of every effect
FALL_BACK = (0.75, 0.5, 0.25)  # shares tried where the whole combination has no solution


@dataclass(frozen=True, eq=False)
class _Effects:
    """Least and most change that was seen, each (parts or sites, T, watched)."""

    least: FloatArray
    most: FloatArray


@dataclass(frozen=True, slots=True)
class Cell:
    """A quantity in a half-hour that is out of its limits."""

    when: int  # in the study
    column: int
    upper: bool


def learnt(
    together: Together, sites: Sequence[int], shares: Shares, verdict: Verdict
) -> list[Line]:
    """Give the lines that a failing combination teaches; none where nothing can be solved."""
    found: list[Line] = []
    for basis, tally in verdict.tallies.items():
        anchor, cells = shares, worst_cells(tally)
        if tally.collapsed and not cells:
            anchor, cells = _fallen_back(together, basis, shares, sorted(tally.collapsed))
        if cells:
            found += _lines(together, sites, basis, anchor, cells)
    return found


def worst_cells(tally: Tally) -> list[Cell]:
    """Give what is furthest out of limits, few half-hours of each quantity."""
    every = tally.merged()
    binds = np.flatnonzero((every.kind != EXISTING) & np.isfinite(every.excess))
    scale = np.maximum(np.abs(tally.watched.high[every.column[binds]]), 1e-9)
    order = binds[np.argsort(-every.excess[binds] / scale, kind="stable")]
    taken: dict[int, int] = {}
    chosen = []
    for at in order:
        column = int(every.column[at])
        if taken.get(column, 0) < MOST_OF_ONE:
            taken[column] = taken.get(column, 0) + 1
            upper = bool(every.with_[at] > tally.watched.high[column])
            chosen.append(Cell(int(every.when[at]), column, upper))
        if len(chosen) == MOST_CELLS:
            break
    return chosen


def _fallen_back(
    together: Together, basis: Basis, shares: Shares, collapsed: Sequence[int]
) -> tuple[Shares, list[Cell]]:
    """Look for what is out of limits at a smaller share, where there is a solution."""
    when = np.array(collapsed[:MOST_CELLS], np.int64)
    watched = together.runs.watched
    for scale in FALL_BACK:
        smaller = tuple(scale * share for share in shares)
        tally = Tally(watched, together.study.half_hours)
        cases = [
            (Combined(basis, state, shares=smaller, parties=together.parties(shares)), when)
            for state in State
        ]
        tally.add(when, *together.runs.solve(cases, check=False))
        if cells := worst_cells(tally):
            return smaller, cells
    return shares, []


def _lines(
    together: Together, sites: Sequence[int], basis: Basis, anchor: Shares, cells: list[Cell]
) -> list[Line]:
    when: IntArray = np.unique([cell.when for cell in cells])
    few = together.at(when)
    parties = few.parties(anchor)
    at_anchor, without, reference = few.values(
        [Combined(basis, state, shares=anchor, parties=parties) for state in _STATES]
    )
    parts = _effects_of_parts(few, basis, anchor, parties)
    toggled = _effects_of_parties(few, basis, anchor, parties, sites)
    inside = np.array([float(site in parties) for site in sites])
    watched, found = few.runs.watched, []
    for cell in cells:
        row, column = int(np.searchsorted(when, cell.when)), cell.column
        sign = 1.0 if cell.upper else -1.0
        limit = sign * (watched.high if cell.upper else watched.low)[column]
        value, before, never = (
            sign * each[row, column] for each in (at_anchor, without, reference)
        )
        slopes, offset = _hopeful(parts, row, column, sign, np.array(anchor))
        party_slopes, party_offset = _hopeful(toggled, row, column, sign, inside)
        if not np.isfinite([value, before, offset, party_offset]).all():
            continue
        noise, tolerance = watched.noise[column], watched.tolerance[column]
        allowed = noise
        if np.isfinite(never):
            allowed += max(0.0, never - before + tolerance)
        # Outside already without it, or perhaps, with other sites at full capacity.
        highest = before + float(np.maximum(party_slopes, 0) @ (1 - inside))
        highest += float(np.maximum(-party_slopes, 0) @ inside)
        other = before - value + allowed - offset if highest > limit else None
        largest = max(float(np.abs(slopes).max(initial=0.0)), 1e-12)
        found.append(
            Line(
                slopes=slopes / largest,
                party_slopes=party_slopes / largest,
                most=float(limit - value - offset - party_offset) / largest,
                other=None if other is None else float(other) / largest,
            )
        )
    return found


_STATES = (State.WITH, State.WITHOUT, State.REFERENCE)


def _effects_of_parts(few: Together, basis: Basis, anchor: Shares, parties: Parties) -> _Effects:
    nothing = few.none()
    wanted: list[tuple[Combined, Combined, float]] = []  # more, less, by what share they differ
    for part, share in enumerate(anchor):
        alone = few.always | few.of_part[part]
        beside = parties | few.of_part[part]

        def case(shares: Shares, sites: Parties) -> Combined:
            return Combined(basis, State.WITH, shares=shares, parties=sites)

        whole = with_share(nothing, part, 1.0)
        wanted.append((case(whole, alone), case(nothing, alone), 1.0))
        if share > 0:
            less, nearly = (
                with_share(anchor, part, 0.0),
                with_share(anchor, part, share - SMALL * share),
            )
            wanted.append((case(anchor, beside), case(less, beside), share))
            wanted.append((case(anchor, beside), case(nearly, beside), SMALL * share))
        else:
            more, little = with_share(anchor, part, 1.0), with_share(anchor, part, SMALL)
            wanted.append((case(more, beside), case(anchor, beside), 1.0))
            wanted.append((case(little, beside), case(anchor, beside), SMALL))
    return _extremes(few, wanted, 3)


def _effects_of_parties(
    few: Together, basis: Basis, anchor: Shares, parties: Parties, sites: Sequence[int]
) -> _Effects:
    shape = (len(sites), len(few.study.half_hours), len(few.runs.watched))
    if basis is not Basis.FULL_CAPACITY:
        return _Effects(np.zeros(shape), np.zeros(shape))
    nothing = few.none()

    def case(shares: Shares, studied: Parties) -> Combined:
        return Combined(basis, State.WITH, shares=shares, parties=studied)

    wanted = []
    for site in sites:
        only_it = few.always | {site}
        wanted.append((case(nothing, only_it), case(nothing, few.always), 1.0))
        wanted.append((case(anchor, parties | {site}), case(anchor, parties - {site}), 1.0))
    return _extremes(few, wanted, 2)


def _extremes(
    few: Together, wanted: Sequence[tuple[Combined, Combined, float]], of_each: int
) -> _Effects:
    cases = list(dict.fromkeys(case for more, less, _ in wanted for case in (more, less)))
    solved = dict(zip(cases, few.values(cases), strict=True))
    changes = np.array([(solved[more] - solved[less]) / by for more, less, by in wanted])
    changes = changes.reshape(-1, of_each, *changes.shape[1:])
    return _Effects(np.fmin.reduce(changes, axis=1), np.fmax.reduce(changes, axis=1))


def _hopeful(
    effects: _Effects, row: int, column: int, sign: float, anchor: FloatArray
) -> tuple[FloatArray, float]:
    """Give slopes and offset of what the shares add to the value at the anchor, at the least."""
    one, other = sign * effects.least[:, row, column], sign * effects.most[:, row, column]
    least, most = np.minimum(one, other), np.maximum(one, other)
    least, most = least - DOUBT * np.abs(least), most + DOUBT * np.abs(most)
    slopes = (1 - anchor) * least + anchor * most
    return slopes, float(-(anchor @ most))


def with_share(shares: Shares, part: int, share: float) -> Shares:
    """Give the same shares but one."""
    return (*shares[:part], share, *shares[part + 1 :])
