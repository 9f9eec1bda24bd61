"""Power flow by iterated currents: the admittances are factorised once for any number of rows.

The currents that the loads would draw at the last voltages give the next voltages. This settles
in some eight rounds where the network is not near collapse; elsewhere it does not settle and
says so, row by row. Rows know nothing of one another: a row's result is its own.
"""

from __future__ import annotations

from dataclasses import dataclass
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
TOLERANCE_MOVED = 1e-3  # of the largest movement, between two rounds


@dataclass(frozen=True, eq=False)
class Pushes:
    """Powers in pu, each drawn at one node, on top of all else."""

    node: IntArray
    drawn: ComplexArray


class Currents:
    """The nodes of pandapower's per-unit model, in its numbering; slack nodes hold their voltage.

    ``dead`` nodes have no supply; they are given 1 pu, which nobody reads.

    :raises CannotCompileError: from the constructor, if the admittances cannot be factorised.
    """

    def __init__(
        self, admittance: Any, slack: IntArray, slack_volts: ComplexArray, dead: IntArray
    ) -> None:
        self.slack, self.slack_volts, self.dead = slack, slack_volts, dead
        fixed = np.concatenate([slack, dead])
        self.free: IntArray = np.setdiff1d(np.arange(admittance.shape[0]), fixed)
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

    def changed(self, admittance: Any, dead: IntArray) -> Currents:
        """Give the same for other admittances, with some nodes dead."""
        return Currents(admittance, self.slack, self.slack_volts, dead)

    def solve(
        self, drawn: ComplexArray, start: ComplexArray | None = None
    ) -> tuple[ComplexArray, Mask]:
        """Give voltages (R, nodes) in pu, and which rows settled, for power drawn in pu.

        ``start``: voltages (R, nodes) that are nearly right already; they save rounds.
        """
        if not len(self.free):  # all that is supplied are the sources themselves
            still_there = np.ones(drawn.shape, np.complex128)
            still_there[:, self.slack] = self.slack_volts
            return still_there, np.ones(len(drawn), bool)
        wanted = -drawn[:, self.free]
        now = (
            np.tile(self.no_load, (len(drawn), 1))
            if start is None
            else np.take(start, self.free, 1)
        )
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
        every[:, self.slack], every[:, self.dead], every[:, self.free] = (
            self.slack_volts,
            1.0,
            volts,
        )
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

    def moved(self, drawn: ComplexArray, volts: ComplexArray, pushes: Pushes) -> ComplexArray:
        """Give how voltages (R, nodes) at power ``drawn`` move with each push, (R, P, nodes).

        The derivative of the rounds above at their end, by the same rounds; NaN where they do
        not settle. Rounds start from what holds at the mean of the rows.
        """
        at, power = np.take(volts, self.free, axis=1), np.take(drawn, self.free, axis=1)
        middle = at.mean(axis=0, keepdims=True)
        answers = self._answers(pushes.node)
        moved = np.zeros((1, *answers.shape), np.complex128)
        for means in (True, False):
            here = volts.mean(axis=0, keepdims=True) if means else volts
            # What the push itself draws, at voltages that stand still.
            with np.errstate(invalid="ignore"):
                direct = np.conj(-pushes.drawn / np.take(here, pushes.node, axis=1))
            bent = power.mean(axis=0, keepdims=True) / middle**2 if means else power / at**2
            moved = self._settled(direct[:, :, None] * answers, bent[:, None, :], moved)
        every = np.zeros((*moved.shape[:2], volts.shape[1]), np.complex128)
        every[:, :, self.free] = moved
        return every

    def _settled(
        self, first: ComplexArray, bent: ComplexArray, moved: ComplexArray
    ) -> ComplexArray:
        """Iterate movements (R, P, free nodes) from ``moved`` until they stand still."""
        still = np.ones(first.shape[:2], bool)
        near = TOLERANCE_MOVED * _most(first)
        with np.errstate(all="ignore"):
            for _ in range(MOST_ROUNDS):
                current = bent * moved
                np.conj(current, out=current)
                after: ComplexArray = self.factors.solve(current.reshape(-1, first.shape[2]).T)
                after = after.T.reshape(first.shape)
                after += first
                still = ~(_most(np.subtract(after, moved, out=current)) <= near)
                moved = after
                if not still.any():
                    break
        moved[still] = np.nan
        return moved

    def _answers(self, nodes: IntArray) -> ComplexArray:
        """Give the voltages that 1 pu of current into each node makes, (P, free nodes)."""
        place = np.full(len(self.free) + len(self.slack), -1)
        place[self.free] = np.arange(len(self.free))
        into = np.zeros((len(self.free), len(nodes)), np.complex128)
        inside = place[nodes] >= 0  # current into a slack node moves nothing
        into[place[nodes][inside], np.flatnonzero(inside)] = 1.0
        return np.ascontiguousarray(self.factors.solve(into).T)


def _most(values: ComplexArray) -> FloatArray:
    """Give the largest real or imaginary part of the last axis."""
    parts = values.view(np.float64)
    return np.asarray(np.maximum(parts.max(axis=-1), -parts.min(axis=-1)))
