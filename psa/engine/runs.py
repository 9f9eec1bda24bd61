"""Power flows of a study: which rows have been solved, and which must still be.

The unit is a row: one half-hour's injections at every bus. Rows that are equal are solved once,
within a study, across bases and across studies that a worker process runs one after the other
(the base case of a forecast is every contract's base case). Kept rows are bounded by bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.metadata import version

import numpy as np

from psa.engine.bases import Case, SiteSeries, drawn, site_series
from psa.engine.batch import BatchSolver
from psa.engine.case import FloatArray, Study
from psa.engine.errors import CannotCompileError
from psa.engine.fallback import PandapowerSolver, Solved
from psa.engine.limits import Watched, watch
from psa.engine.network import IntArray, Network
from psa.engine.store import Row, store


class Runs:
    """Solves the cases of one study."""

    def __init__(self, study: Study, network: Network, *, reference: bool = False) -> None:
        self.study = study
        self.network = network
        self.watched: Watched = watch(network, study.options)
        self.fallback_reason = ""
        self.solver: BatchSolver | PandapowerSolver
        if reference:
            self.fallback_reason = "Asked for: pandapower's own power flow alone."
        else:
            try:
                self.solver = _batch_solver(network, self.watched)
            except CannotCompileError as refusal:
                self.fallback_reason = str(refusal)
        if self.fallback_reason:
            self.solver = PandapowerSolver(network, self.watched)
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
        self.taps_used: list[IntArray] = []
        self._prefix = hashlib.blake2b(
            network.sha256.encode()
            + self.engine.encode()
            + self.buses.tobytes()
            + self.site_columns.tobytes()
            + _layout(self.watched),
            digest_size=16,
        ).digest()

    @property
    def engine(self) -> str:
        """Name the engine as results do."""
        return engine_name(fallback=isinstance(self.solver, PandapowerSolver))

    def sites_in(self, case: Case) -> list[SiteSeries]:
        """Give what every site draws in a case, in the study's order."""
        if case not in self.series:
            self.series[case] = [
                site_series(site, self.study.direction, case) for site in self.study.sites
            ]
        return self.series[case]

    def solve(self, wanted: Sequence[tuple[Case, IntArray]], *, check: bool = True) -> list[Solved]:
        """Solve half-hours of several cases in one batch, each differing row once.

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
        if missing:
            self._solve_missing(missing, rows, check=check)
        answers: list[Solved] = []
        first = 0
        for case, when in wanted:
            mine = [rows[key] for key in keys[first : first + len(when)]]
            first += len(when)
            answers.append(
                Solved(
                    values=np.stack([row[0] for row in mine]),
                    ok=np.array([row[1] for row in mine], bool),
                    taps=np.stack([row[2] for row in mine]),
                )
            )
            if case.share == 1.0:
                self.taps_used.append(answers[-1].taps[answers[-1].ok])
        return answers

    def tap_positions(self) -> dict[str, tuple[int, int]]:
        """Give each controlled transformer's lowest and highest position in the study's cases."""
        used = [taps for taps in self.taps_used if len(taps)]
        if not used:
            return {}
        every = np.concatenate(used)
        return {
            name: (int(every[:, at].min()), int(every[:, at].max()))
            for at, name in enumerate(self.solver.names)
        }

    def supplied(self, bus: str) -> bool:
        """Say whether the bus is connected to a source in the model's running arrangement."""
        return self.solver.supplied(self.network.position(bus))

    def _solve_missing(
        self, missing: dict[bytes, tuple[Case, int]], rows: dict[bytes, Row], *, check: bool
    ) -> None:
        kw, kvar = self._injections(list(missing.values()))
        if isinstance(self.solver, BatchSolver):
            solved = self.solver.solve(self.buses, kw, kvar, check_failed=check)
        else:
            solved = self.solver.solve(self.buses, kw, kvar)
        for number, key in enumerate(missing):
            row = (
                solved.values[number].astype(np.float32),
                bool(solved.ok[number]),
                solved.taps[number].copy(),
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
            digest = hashlib.blake2b(self._prefix, digest_size=16)
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
    """Name the columns: results of other columns are other results (limits may differ)."""
    rows: Sequence[IntArray] = (
        watched.bus_rows,
        watched.line_rows,
        watched.trafo_rows,
        watched.trafo3w_rows,
        watched.reverse_rows,
    )
    return b"|".join(part.tobytes() for part in rows)
