"""Power flow by iterated currents: the admittances are factorised once for any number of rows.

The currents that the loads would draw at the last voltages give the next voltages. This settles
in some eight rounds where the network is not near collapse; elsewhere it does not settle and
says so, row by row. Rows know nothing of one another: a row's result is its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import splu

from psa.engine.case import FloatArray
from psa.engine.errors import CannotCompileError
from psa.engine.network import IntArray

ComplexArray = NDArray[np.complex128]
Mask = NDArray[np.bool_]

# Settled within 20 rounds, the error that is left is below the tolerance.
TOLERANCE_PU, MOST_ROUNDS = 1e-8, 20
# Power that a solution may leave unaccounted for at a node, per unit of what its branches could
# carry: hundred times what settling leaves, and still below what ``limits`` calls noise.
UNACCOUNTED = 1e-7


class Currents:
    """The nodes of pandapower's per-unit model, in its numbering; slack nodes hold their voltage.

    :raises CannotCompileError: from the constructor, if the admittances cannot be factorised.
    """

    def __init__(self, inner: dict[str, Any]) -> None:
        admittance = inner["Ybus"].tocsr()
        self.slack: IntArray = np.asarray(inner["ref"], np.int64)
        self.slack_volts: ComplexArray = inner["V"][self.slack]
        self.free: IntArray = np.setdiff1d(np.arange(admittance.shape[0]), self.slack)
        ours = admittance[self.free]
        self.admittance: Any = ours
        self.allowed: FloatArray = UNACCOUNTED * np.asarray(abs(ours).sum(axis=1)).reshape(-1)
        try:
            self.factors = splu(
                ours[:, self.free].tocsc(),
                permc_spec="MMD_AT_PLUS_A",
                diag_pivot_thresh=0.1,  # off the diagonal only where it is weak: half the work
                options={"SymmetricMode": True},
            )
        except (RuntimeError, ValueError) as error:
            raise CannotCompileError("the admittances cannot be factorised") from error
        self.no_load: ComplexArray = self.factors.solve(
            -(ours[:, self.slack] @ self.slack_volts).astype(complex)
        )

    def solve(self, drawn: ComplexArray) -> tuple[ComplexArray, Mask]:
        """Give voltages (R, nodes) in pu, and which rows settled, for power drawn in pu."""
        wanted = -drawn[:, self.free]
        now = np.tile(self.no_load, (len(drawn), 1))
        volts = np.empty_like(now)
        going = np.arange(len(drawn))
        with np.errstate(all="ignore"):  # a row that runs away is not settled
            for _ in range(MOST_ROUNDS):
                current = wanted / now
                after = self.factors.solve(np.conj(current, out=current).T).T
                after += self.no_load
                now -= after
                change = now.view(np.float64)
                most = np.maximum(change.max(axis=1), -change.min(axis=1))
                now, still = after, ~(most < TOLERANCE_PU)  # no number: not settled
                if still.all():
                    continue
                volts[going[~still]] = now[~still]
                going, now, wanted = going[still], now[still], wanted[still]
                if not len(going):
                    break
        settled: Mask = np.ones(len(drawn), bool)
        settled[going] = False
        every = np.empty(drawn.shape, np.complex128)
        every[:, self.slack], every[:, self.free] = self.slack_volts, volts
        return every, settled

    def hold(self, volts: ComplexArray, drawn: ComplexArray) -> Mask:
        """Say in which rows power is accounted for at every node, by the admittances themselves.

        Whatever a solver made of its factors: what is no solution is found out here.
        """
        at_free = volts[:, self.free]
        with np.errstate(all="ignore"):  # no number: not accounted for
            current = (self.admittance @ np.ascontiguousarray(volts.T)).T
            left = np.abs(at_free * np.conj(current) + drawn[:, self.free])
            return np.asarray((left <= self.allowed).all(axis=1))
