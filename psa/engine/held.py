"""Power flow of a network in which generators hold voltages: Newton's method, factorised once.

The derivatives are those at one reference state of the network, which no row changes: so they are
factorised once for any number of rows, and each row takes some more, cheaper steps. A row that
does not settle so takes Newton's own steps, factorised anew at each. Both end by pandapower's own
test, of the power that is unaccounted for, and rows know nothing of one another.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csc_array, csr_array, diags_array, hstack, vstack
from scipy.sparse.linalg import splu

from psa.engine.case import FloatArray
from psa.engine.currents import UNACCOUNTED, ComplexArray, Mask, Pushes
from psa.engine.errors import CannotCompileError
from psa.engine.network import IntArray

TOLERANCE_VA = 1e-2  # pandapower's, of a row's greatest unaccounted power
MOST_CHEAP, MOST_NEWTON = 40, 12  # steps
SLOW, PATIENT = 0.9, 6  # what a cheap step must leave of the unaccounted power, after so many
TOLERANCE_MOVED, MOST_MOVED = 1e-3, 30  # of the largest movement; rounds


class HeldVoltages:
    """The nodes of pandapower's per-unit model; slack nodes hold their voltage, held ones its size.

    ``dead`` nodes have no supply; they are given 1 pu, which nobody reads. ``start``: voltages
    that are nearly right where ``drawn`` is drawn, the reference state.

    :raises CannotCompileError: from the constructor, if the derivatives cannot be factorised.
    """

    def __init__(
        self,
        admittance: Any,
        slack: IntArray,
        held: IntArray,
        start: ComplexArray,
        drawn: ComplexArray,
        *,
        base_va: float,
        dead: IntArray,
    ) -> None:
        nodes = admittance.shape[0]
        self.matrix: Any = csr_array(admittance)
        self.slack, self.slack_volts, self.dead = slack, start[slack], dead
        self.held: IntArray = np.setdiff1d(held, [*slack, *dead])
        self.drawn, self.base_va = drawn, base_va
        self.free: IntArray = np.setdiff1d(np.arange(nodes), [*slack, *dead])
        self.sized: IntArray = np.setdiff1d(self.free, self.held)  # whose size is found, too
        self.tolerance = TOLERANCE_VA / base_va
        self.allowed: FloatArray = UNACCOUNTED * np.asarray(
            abs(self.matrix[self.free]).sum(axis=1)
        ).reshape(-1)
        self._sized_in_free = np.searchsorted(self.free, self.sized)
        begin = start.copy()
        begin[dead] = 1.0
        found, settled = self._newton(begin, drawn)
        self.at = found if settled else begin
        self.factors = self._factorised(self.at)

    def changed(self, admittance: Any, dead: IntArray) -> HeldVoltages:
        """Give the same for other admittances, with some nodes dead."""
        return HeldVoltages(
            admittance,
            self.slack,
            self.held,
            self.at,
            self.drawn,
            base_va=self.base_va,
            dead=dead,
        )

    def solve(
        self, drawn: ComplexArray, start: ComplexArray | None = None
    ) -> tuple[ComplexArray, Mask]:
        """Give voltages (R, nodes) in pu, and which rows settled, for power drawn in pu.

        ``start`` is not needed: the reference state is as near.
        """
        del start
        volts = np.tile(self.at, (len(drawn), 1))
        settled = np.zeros(len(drawn), bool)
        if not len(self.free):
            return volts, ~settled
        going, least = np.arange(len(drawn)), np.full(len(drawn), np.inf)
        with np.errstate(all="ignore"):  # a row that runs away is not settled
            for step in range(MOST_CHEAP):
                left = self._left(volts[going], drawn[going])
                most = np.abs(left).max(axis=1)
                done = most < self.tolerance
                settled[going[done]] = True
                runs = ~done & ((step < PATIENT) | (most < SLOW * least[going]))
                least[going] = np.fmin(least[going], most)
                going, left = going[runs], left[runs]
                if not len(going):
                    break
                volts[going] = self._stepped(volts[going], self.factors.solve(left.T).T)
            for row in np.flatnonzero(~settled):
                volts[row], settled[row] = self._newton(self.at, drawn[row])
        return volts, settled

    def hold(self, volts: ComplexArray, drawn: ComplexArray) -> Mask:
        """Say in which rows power is accounted for at every node, by the admittances themselves.

        What a generator that holds its voltage gives of reactive power is its own affair.
        """
        with np.errstate(all="ignore"):  # no number: not accounted for
            current = (self.matrix @ np.ascontiguousarray(volts.T)).T
            left = (volts * np.conj(current) + drawn)[:, self.free]
            at_held = np.searchsorted(self.free, self.held)
            left[:, at_held] = left[:, at_held].real
            return np.asarray((np.abs(left) <= self.allowed).all(axis=1))

    def moved(self, drawn: ComplexArray, volts: ComplexArray, pushes: Pushes) -> ComplexArray:
        """Give how voltages (R, nodes) move with each push, (R, P, nodes); NaN where unknown.

        The derivatives are each row's own, solved by those of the reference state.
        """
        del drawn  # constant power does not move
        rows, count, nodes = len(volts), len(pushes.node), volts.shape[1]
        into = np.zeros((count, nodes), np.complex128)
        into[np.arange(count), pushes.node] = -pushes.drawn
        wanted = np.tile(self._parts(into), (rows, 1))  # of row 0 each push, of row 1 ...
        at = np.repeat(volts, count, axis=0)
        current = (self.matrix @ np.ascontiguousarray(at.T)).T
        with np.errstate(all="ignore"):
            step = self.factors.solve(wanted.T).T
            moves = self._moves(at, step)
            still, lost = np.zeros(len(at), bool), ~np.isfinite(wanted).all(axis=1)
            for _ in range(MOST_MOVED):
                more = (self.matrix @ np.ascontiguousarray(moves.T)).T
                left = wanted - self._parts(moves * np.conj(current) + at * np.conj(more))
                further = self.factors.solve(left.T).T
                step = step + further
                moves = self._moves(at, step)
                still = np.abs(further).max(axis=1) <= TOLERANCE_MOVED * np.abs(step).max(axis=1)
                if (still | lost).all():
                    break
        moves[~still] = np.nan
        return moves.reshape(rows, count, nodes)

    def _left(self, volts: ComplexArray, drawn: ComplexArray) -> FloatArray:
        """Give the power that is unaccounted for, active at free nodes and reactive at sized."""
        current = (self.matrix @ np.ascontiguousarray(volts.T)).T
        return -self._parts(volts * np.conj(current) + drawn)

    def _parts(self, power: ComplexArray) -> FloatArray:
        return np.concatenate([power[:, self.free].real, power[:, self.sized].imag], axis=1)

    def _stepped(self, volts: ComplexArray, step: FloatArray) -> ComplexArray:
        """Turn and stretch voltages by a step: angles of free nodes, sizes of sized, relative."""
        size, angle = np.abs(volts), np.angle(volts)
        count = len(self.free)
        angle[:, self.free] += step[:, :count]
        size[:, self.sized] *= 1.0 + step[:, count:]
        found: ComplexArray = size * np.exp(1j * angle)
        return found

    def _moves(self, volts: ComplexArray, step: FloatArray) -> ComplexArray:
        """Give how voltages move with a small step."""
        turn = np.zeros(volts.shape, np.complex128)
        turn[:, self.free] = 1j * step[:, : len(self.free)]
        turn[:, self.sized] += step[:, len(self.free) :]
        return volts * turn

    def _newton(self, start: ComplexArray, drawn: ComplexArray) -> tuple[ComplexArray, bool]:
        """Take Newton's own steps for one row."""
        volts = start[None].copy()
        if not len(self.free):
            return volts[0], True
        with np.errstate(all="ignore"):
            for _ in range(MOST_NEWTON):
                left = self._left(volts, drawn[None])
                if np.abs(left).max() < self.tolerance:
                    return volts[0], True
                if not np.isfinite(left).all():
                    break
                try:
                    factors = self._factorised(volts[0])
                except CannotCompileError:
                    break
                volts = self._stepped(volts, factors.solve(left.T).T)
        return volts[0], False

    def _factorised(self, volts: ComplexArray) -> Any:
        """Factorise the derivatives of power by angles and (relative) sizes at some voltages."""
        if not len(self.free):
            return None
        own = diags_array(volts)
        current = diags_array(self.matrix @ volts)
        flow = own @ (self.matrix @ own).conj()
        by_angle = csc_array(1j * (own @ current.conj() - flow))[self.free][:, self.free]
        by_size = csc_array(own @ current.conj() + flow)[self.free][:, self.sized]
        rows = self._sized_in_free
        jacobian = vstack(
            [
                hstack([by_angle.real, by_size.real]),
                hstack([by_angle.imag[rows], by_size.imag[rows]]),
            ]
        )
        try:
            return splu(csc_array(jacobian), permc_spec="COLAMD")
        except (RuntimeError, ValueError) as error:
            raise CannotCompileError("the derivatives cannot be factorised") from error
