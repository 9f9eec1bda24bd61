"""Solved rows, kept within a process so that the base case of a forecast is solved once.

Each row carries a check sum: one that is no longer what was put here is forgotten, never used.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from psa.engine.network import IntArray

KEPT_BYTES = 192 * 1024 * 1024
OVERHEAD_BYTES = 300  # of a row beside its values
# Kept in single precision, fresh rows too, so that an answer does not depend on what was kept:
# 1e-7 of a value, well below what ``limits`` calls noise. Values, whether they are good, taps.
Row = tuple[NDArray[np.float32], bool, IntArray]


class Store:
    """Solved rows of this process, the least lately used forgotten first."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.rows: OrderedDict[bytes, tuple[Row, int]] = OrderedDict()
        self.bytes = 0

    def get(self, key: bytes) -> Row | None:
        kept = self.rows.get(key)
        if kept is None:
            return None
        row, checksum = kept
        if _checksum(key, row) != checksum:
            self._forget(key)
            return None
        self.rows.move_to_end(key)
        return row

    def put(self, key: bytes, row: Row) -> None:
        if key in self.rows:
            return
        self.rows[key] = (row, _checksum(key, row))
        self.bytes += row[0].nbytes + OVERHEAD_BYTES
        while self.bytes > self.most_bytes and self.rows:
            self._forget(next(iter(self.rows)))

    def clear(self) -> None:
        self.rows.clear()
        self.bytes = 0

    def _forget(self, key: bytes) -> None:
        (values, _, _), _ = self.rows.pop(key)
        self.bytes -= values.nbytes + OVERHEAD_BYTES


store = Store(KEPT_BYTES)


def _checksum(key: bytes, row: Row) -> int:
    values, good, taps = row
    head = zlib.crc32(key + (b"1" if good else b"0") + taps.tobytes())
    return zlib.crc32(values.tobytes(), head)
