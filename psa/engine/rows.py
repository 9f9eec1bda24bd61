"""A table of a pandapower net as numbers and truths, whatever its cells are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Numbers = NDArray[np.float64]


class Rows:
    """A table of a net, its columns as numbers, and the net's buses by what they are rated."""

    def __init__(self, net: Any, table: str) -> None:
        self.frame = net[table]
        self._kv = pd.Series(_numbers(net.bus["vn_kv"]), index=net.bus.index)

    def __getitem__(self, column: str) -> Numbers:
        return _numbers(self.frame[column])

    def has(self, *columns: str) -> bool:
        return all(column in self.frame.columns for column in columns)

    def kv(self, bus_column: str) -> Numbers:
        found: Numbers = self._kv.reindex(self.frame[bus_column]).to_numpy(np.float64)
        return found


def _numbers(values: Any) -> Numbers:
    found: Numbers = np.asarray(pd.to_numeric(values, errors="coerce"), np.float64)
    return found


def in_service(frame: Any) -> Mask:
    if "in_service" not in frame.columns:
        return np.ones(len(frame), bool)
    return truths(frame["in_service"])


def truths(column: Any) -> Mask:
    """Give a column as true or false; empty is false."""
    return np.asarray(column.fillna(value=0).astype(bool), bool)
