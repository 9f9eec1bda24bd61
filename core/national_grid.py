"""Eastings and northings on the National Grid (EPSG:27700), good to some metres.

Without the Ordnance Survey's table of shifts (OSTN15), which a connection point doesn't need, WGS84
is taken to the Airy ellipsoid by one Helmert transformation.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

WGS84, NATIONAL_GRID = "EPSG:4326", "EPSG:27700"


class GridPoint(NamedTuple):
    easting: int
    northing: int


def on_the_national_grid(latitude: float, longitude: float) -> GridPoint:
    """Return the grid point, in whole metres, of WGS84 degrees."""
    easting, northing = _transformer().transform(latitude, longitude)
    return GridPoint(round(easting), round(northing))


@cache
def _transformer() -> Any:
    from pyproj import Transformer  # loads PROJ's database: for who asks alone

    return Transformer.from_crs(WGS84, NATIONAL_GRID)
