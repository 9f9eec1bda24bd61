"""Power flows of a study: which rows have been solved, and which must still be.

The unit is a row: one half-hour's injections at every bus. Rows that are equal are solved once,
within a study, across bases and across studies that a worker process runs one after the other
(the base case of a forecast is every contract's base case). Kept rows are bounded by bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from psa.engine.arrangement import arranged, varied
from psa.engine.bases import Case, SiteSeries, drawn, site_series
from psa.engine.batch import BatchSolver
from psa.engine.case import FloatArray, Study
from psa.engine.errors import CannotCompileError
from psa.engine.fallback import PandapowerSolver, Solved
from psa.engine.limits import Watched, rated, watch
from psa.engine.network import IntArray, Network
from psa.engine.store import Row, store

Solver = BatchSolver | PandapowerSolver
NOT_CONTROLLED = np.iinfo(np.int64).min  # a tap changer that an arrangement has not


@dataclass(eq=False)
class Arranged:
    """The network in one running arrangement, with what solves it."""

    network: Network
    watched: Watched  # the study's columns, with this arrangement's ratings
    solver: Solver
    fallback_reason: str
    prefix: bytes  # of the keys of rows solved on it


class Runs:
    """Solves the cases of one study."""

    def __init__(self, study: Study, network: Network, *, reference: bool = False) -> None:
        self.study = study
        self.network = network
        self.changes, self.arrangement_at = arranged(study, network)
        networks = [varied(network, changes) for changes in self.changes]
        self.watched: Watched = watch(networks[0], study.options, networks[1:])
        names = list(dict.fromkeys([*study.background, *(site.bus for site in study.sites)]))
        self.buses: IntArray = np.array([network.position(name) for name in names], np.int64)
        self.column = {name: at for at, name in enumerate(names)}
        shape = (len(study.half_hours), len(names))
        self.base_kw, self.base_kvar = np.zeros(shape), np.zeros(shape)
        for name, profile in study.background.items():
            kw, kvar = drawn(profile)
            self.base_kw[:, self.column[name]] = kw
            self.base_kvar[:, self.column[name]] = kvar
        self.series: dict[Case, list[SiteSeries]] = {}
        self.site_columns = np.array([self.column[site.bus] for site in study.sites], np.int64)
        self._site_draws: dict[Case, tuple[FloatArray, FloatArray]] = {}
        self._base_digests: dict[int, bytes] = {}
        self.arranged = [self._arranged(each, reference=reference) for each in networks]
        self.controlled = list(
            dict.fromkeys(name for each in self.arranged for name in each.solver.names)
        )
        self.taps_used: list[IntArray] = []

    @property
    def solver(self) -> Solver:
        """Give the solver of the study's first half-hour."""
        return self.arranged[0].solver

    @property
    def fallback_reason(self) -> str:
        """Say why pandapower alone was used, where it was."""
        return next((each.fallback_reason for each in self.arranged if each.fallback_reason), "")

    @property
    def engine(self) -> str:
        """Name the engine as results do."""
        return engine_name(fallback=bool(self.fallback_reason))

    def sites_in(self, case: Case) -> list[SiteSeries]:
        """Give what every site draws in a case, in the study's order."""
        if case not in self.series:
            self.series[case] = [
                site_series(site, self.study.direction, case) for site in self.study.sites
            ]
        return self.series[case]

    def solve(self, wanted: Sequence[tuple[Case, IntArray]], *, check: bool = True) -> list[Solved]:
        """Solve half-hours of several cases, each differing row once.

        ``check``: put rows that the batch could not solve to pandapower, once.
        """
        keys: list[bytes] = []
        rows: dict[bytes, Row] = {}
        missing: dict[bytes, tuple[Case, int]] = {}
        for case, when in wanted:
            for at in when:
                key = self._key(case, int(at), check=check)
                keys.append(key)
                if key in rows or key in missing:
                    continue
                kept = store.get(key)
                if kept is not None:
                    rows[key] = kept
                else:
                    missing[key] = (case, int(at))
        for number, each in enumerate(self.arranged):
            mine = {
                key: place
                for key, place in missing.items()
                if self.arrangement_at[place[1]] == number
            }
            if mine:
                self._solve_missing(each, mine, rows, check=check)
        answers: list[Solved] = []
        first = 0
        for case, when in wanted:
            own = [rows[key] for key in keys[first : first + len(when)]]
            first += len(when)
            answers.append(
                Solved(
                    values=np.stack([row[0] for row in own]),
                    ok=np.array([row[1] for row in own], bool),
                    taps=np.stack([row[2] for row in own]),
                )
            )
            if case.share == 1.0:
                self.taps_used.append(answers[-1].taps[answers[-1].ok])
        return answers

    def solvers_without(self, table: str, row: int) -> list[Solver]:
        """Give, for each arrangement, a solver with one more element out of service."""
        lost = ((table, row),)
        return [
            PandapowerSolver(each.network, each.watched, lost=lost)
            if isinstance(each.solver, PandapowerSolver)
            else BatchSolver(each.network, each.watched, lost=lost)
            for each in self.arranged
        ]

    def solve_by(
        self,
        solvers: Sequence[Solver],
        case: Case,
        when: IntArray,
        *,
        held: IntArray | None = None,
    ) -> Solved:
        """Solve half-hours of a case by other solvers, one an arrangement. Nothing is kept.

        ``held``: (t, controlled) positions at which the taps stay. No positions are given back.
        """
        kw, kvar = self._injections([(case, int(at)) for at in when])
        found = Solved(
            values=np.full((len(when), len(self.watched)), np.nan),
            ok=np.zeros(len(when), bool),
            taps=np.empty((len(when), 0), np.int64),
        )
        for number, solver in enumerate(solvers):
            mine = np.flatnonzero(self.arrangement_at[when] == number)
            if len(mine):
                solved = solver.solve(
                    self.buses,
                    kw[mine],
                    kvar[mine],
                    held=None if held is None else held[np.ix_(mine, self._columns(solver))],
                )
                found.values[mine], found.ok[mine] = solved.values, solved.ok
        return found

    def tap_positions(self) -> dict[str, tuple[int, int]]:
        """Give each controlled transformer's lowest and highest position in the study's cases."""
        used = [taps for taps in self.taps_used if len(taps)]
        if not used:
            return {}
        every = np.concatenate(used)
        return {
            name: (int(column.min()), int(column.max()))
            for at, name in enumerate(self.controlled)
            if len(column := every[every[:, at] != NOT_CONTROLLED, at])
        }

    def unsupplied(self, bus: str) -> IntArray:
        """Give the half-hours in which the bus is connected to no source."""
        row = self.network.position(bus)
        dark = [number for number, a in enumerate(self.arranged) if not a.solver.supplied(row)]
        return np.flatnonzero(np.isin(self.arrangement_at, dark))

    def _arranged(self, network: Network, *, reference: bool) -> Arranged:
        watched = rated(self.watched, network)
        reason = "Asked for: pandapower's own power flow alone." if reference else ""
        solver: Solver
        if not reason:
            try:
                solver = _batch_solver(network, watched)
            except CannotCompileError as refusal:
                reason = str(refusal)
        if reason:
            solver = PandapowerSolver(network, watched)
        prefix = hashlib.blake2b(
            network.sha256.encode()
            + engine_name(fallback=bool(reason)).encode()
            + self.buses.tobytes()
            + self.site_columns.tobytes()
            + _layout(watched),
            digest_size=16,
        ).digest()
        return Arranged(network, watched, solver, reason, prefix)

    def _columns(self, solver: Solver) -> IntArray:
        """Give the places of a solver's controlled transformers among the study's."""
        return np.array([self.controlled.index(name) for name in solver.names], np.int64)

    def _solve_missing(
        self,
        arranged: Arranged,
        missing: dict[bytes, tuple[Case, int]],
        rows: dict[bytes, Row],
        *,
        check: bool,
    ) -> None:
        kw, kvar = self._injections(list(missing.values()))
        solver = arranged.solver
        if isinstance(solver, BatchSolver):
            solved = solver.solve(self.buses, kw, kvar, check_failed=check)
        else:
            solved = solver.solve(self.buses, kw, kvar)
        taps = np.full((len(kw), len(self.controlled)), NOT_CONTROLLED)
        taps[:, self._columns(solver)] = solved.taps
        for number, key in enumerate(missing):
            row = (
                solved.values[number].astype(np.float32),
                bool(solved.ok[number]),
                taps[number].copy(),
            )
            rows[key] = row
            store.put(key, row)

    def _injections(self, wanted: Sequence[tuple[Case, int]]) -> tuple[FloatArray, FloatArray]:
        when = np.array([at for _, at in wanted], np.int64)
        kw, kvar = self.base_kw[when], self.base_kvar[when]
        for row, (case, at) in enumerate(wanted):
            site_kw, site_kvar = self._sites_draw(case)
            np.add.at(kw[row], self.site_columns, site_kw[at])
            np.add.at(kvar[row], self.site_columns, site_kvar[at])
        return kw, kvar

    def _sites_draw(self, case: Case) -> tuple[FloatArray, FloatArray]:
        """Give every site's kW and kVAr in a case, (T, sites)."""
        if case not in self._site_draws:
            series = self.sites_in(case)
            shape = (len(self.study.half_hours), len(series))
            self._site_draws[case] = (
                np.array([one.load_kw for one in series]).reshape(shape[::-1]).T.copy(),
                np.array([one.load_kvar for one in series]).reshape(shape[::-1]).T.copy(),
            )
        return self._site_draws[case]

    def _key(self, case: Case, at: int, *, check: bool) -> bytes:
        if at not in self._base_digests:
            prefix = self.arranged[self.arrangement_at[at]].prefix
            digest = hashlib.blake2b(prefix, digest_size=16)
            digest.update(self.base_kw[at].tobytes())
            digest.update(self.base_kvar[at].tobytes())
            self._base_digests[at] = digest.digest()
        site_kw, site_kvar = self._sites_draw(case)
        digest = hashlib.blake2b(self._base_digests[at], digest_size=16)
        digest.update(b"1" if check else b"0")
        digest.update(site_kw[at].tobytes())
        digest.update(site_kvar[at].tobytes())
        return digest.digest()


def engine_name(*, fallback: bool) -> str:
    """Name an engine by its packages and their versions' first two parts."""
    packages = ["pandapower"] if fallback else ["scipy", "power-grid-model"]
    return ", ".join(f"{name} {'.'.join(version(name).split('.')[:2])}" for name in packages)


def _batch_solver(network: Network, watched: Watched) -> BatchSolver:
    """Build the solver; what cannot be compiled is remembered, so it is refused at once."""
    refused = network.compiled.get("refused")
    if refused is not None:
        raise CannotCompileError(refused)
    try:
        return BatchSolver(network, watched)
    except CannotCompileError as error:
        network.compiled["refused"] = str(error)
        raise


def _layout(watched: Watched) -> bytes:
    """Name the columns: results of other columns or ratings are other results."""
    rows: Sequence[IntArray | FloatArray] = (
        watched.bus_rows,
        watched.line_rows,
        watched.trafo_rows,
        watched.trafo3w_rows,
        watched.reverse_rows,
        watched.line_rating_ka,
    )
    return b"|".join(part.tobytes() for part in rows)
