from __future__ import annotations

import pytest

from core.national_grid import on_the_national_grid

TOLERANCE_M = 6  # of one Helmert transformation over the whole country


@pytest.mark.parametrize(
    ("latitude", "longitude", "easting", "northing"),
    [
        # Ordnance Survey's own test points of OSTN15
        (52.658007833, 1.716073973, 651409.804, 313177.450),  # Caister
        (49.92226394, -6.29977753, 91492.146, 11318.804),  # Scilly
        (57.81351838, -8.57854456, 9587.906, 899448.996),  # St Kilda
        (60.13308092, -2.07382822, 395999.668, 1138728.951),  # Shetland
    ],
)
def test_a_point_lies_where_the_survey_has_it(
    latitude: float, longitude: float, easting: float, northing: float
) -> None:
    found = on_the_national_grid(latitude, longitude)

    assert abs(found.easting - easting) <= TOLERANCE_M
    assert abs(found.northing - northing) <= TOLERANCE_M
