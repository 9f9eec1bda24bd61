"""Eastings and northings on the National Grid, good to some metres. Pure.

By the formulas and constants of Ordnance Survey's "A guide to coordinate systems in Great Britain":
WGS84 is taken to the Airy ellipsoid by one Helmert transformation, then projected. The exact way,
OSTN15, needs a table of shifts; a connection point needs no decimetres.
"""

from __future__ import annotations

from math import atan2, cos, hypot, radians, sin, sqrt, tan
from typing import NamedTuple

WGS84 = (6378137.000, 6356752.3141)  # semi-axes, metres
AIRY = (6377563.396, 6356256.909)
SHIFT = (-446.448, 125.157, -542.060)  # metres
SCALE = 20.4894e-6
TURN = tuple(radians(seconds / 3600) for seconds in (-0.1502, -0.2470, -0.8421))
F0 = 0.9996012717  # scale on the central meridian
ORIGIN = (radians(49), radians(-2))
FALSE = (400_000.0, -100_000.0)  # easting and northing of the origin
CLOSE = 1e-12  # radians


class GridPoint(NamedTuple):
    easting: int
    northing: int


def on_the_national_grid(latitude: float, longitude: float) -> GridPoint:
    """Return the grid point, in whole metres, of WGS84 degrees."""
    x, y, z = _shifted(*_cartesian(radians(latitude), radians(longitude), WGS84))
    return _projected(*_geodetic(x, y, z, AIRY))


def _eccentricity_squared(axes: tuple[float, float]) -> float:
    a, b = axes
    return 1 - (b * b) / (a * a)


def _cartesian(
    latitude: float, longitude: float, axes: tuple[float, float]
) -> tuple[float, float, float]:
    e2 = _eccentricity_squared(axes)
    nu = axes[0] / sqrt(1 - e2 * sin(latitude) ** 2)
    return (
        nu * cos(latitude) * cos(longitude),
        nu * cos(latitude) * sin(longitude),
        nu * (1 - e2) * sin(latitude),
    )


def _shifted(x: float, y: float, z: float) -> tuple[float, float, float]:
    rx, ry, rz = TURN
    grown = 1 + SCALE
    return (
        SHIFT[0] + grown * x - rz * y + ry * z,
        SHIFT[1] + rz * x + grown * y - rx * z,
        SHIFT[2] - ry * x + rx * y + grown * z,
    )


def _geodetic(x: float, y: float, z: float, axes: tuple[float, float]) -> tuple[float, float]:
    e2, p = _eccentricity_squared(axes), hypot(x, y)
    latitude, was = atan2(z, p * (1 - e2)), 0.0
    while abs(latitude - was) > CLOSE:
        nu = axes[0] / sqrt(1 - e2 * sin(latitude) ** 2)
        was, latitude = latitude, atan2(z + e2 * nu * sin(latitude), p)
    return latitude, atan2(y, x)


def _arc(latitude: float) -> float:
    """Return the developed arc of the meridian from the origin."""
    a, b = AIRY
    n = (a - b) / (a + b)
    less, more = latitude - ORIGIN[0], latitude + ORIGIN[0]
    return (
        b
        * F0
        * (
            (1 + n + 5 / 4 * n**2 + 5 / 4 * n**3) * less
            - (3 * n + 3 * n**2 + 21 / 8 * n**3) * sin(less) * cos(more)
            + (15 / 8 * n**2 + 15 / 8 * n**3) * sin(2 * less) * cos(2 * more)
            - 35 / 24 * n**3 * sin(3 * less) * cos(3 * more)
        )
    )


def _projected(latitude: float, longitude: float) -> GridPoint:
    e2, a = _eccentricity_squared(AIRY), AIRY[0]
    s, c, t = sin(latitude), cos(latitude), tan(latitude)
    nu = a * F0 / sqrt(1 - e2 * s * s)
    rho = a * F0 * (1 - e2) / (1 - e2 * s * s) ** 1.5
    eta2 = nu / rho - 1
    d = longitude - ORIGIN[1]
    northing = (
        FALSE[1]
        + _arc(latitude)
        + nu / 2 * s * c * d**2
        + nu / 24 * s * c**3 * (5 - t**2 + 9 * eta2) * d**4
        + nu / 720 * s * c**5 * (61 - 58 * t**2 + t**4) * d**6
    )
    easting = (
        FALSE[0]
        + nu * c * d
        + nu / 6 * c**3 * (nu / rho - t**2) * d**3
        + nu / 120 * c**5 * (5 - 18 * t**2 + t**4 + 14 * eta2 - 58 * t**2 * eta2) * d**5
    )
    return GridPoint(round(easting), round(northing))
