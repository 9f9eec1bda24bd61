"""What a study is computed from: published network, forecasts, register. Reads only.

Plain lists of floats, so that the web process may use it: ``psa.solving`` turns them into arrays.
"""

from psa.inputs.forecasts import (
    DayInput,
    forecast_days,
    kvar_of,
    kw_of,
    place_in_day,
    read_forecasts,
    row_at,
    series_of,
)
from psa.inputs.gathering import gather
from psa.inputs.missing import forecast_half_hours, forecast_throughout
from psa.inputs.places import agreements_at, areas_below, sites_by_bus
from psa.inputs.rights import Place, positions_in, site_input, spread
from psa.inputs.values import EventInput, Gap, Inputs, RightsInput, SeriesInput, SiteInput

__all__ = [
    "DayInput",
    "EventInput",
    "Gap",
    "Inputs",
    "Place",
    "RightsInput",
    "SeriesInput",
    "SiteInput",
    "agreements_at",
    "areas_below",
    "forecast_days",
    "forecast_half_hours",
    "forecast_throughout",
    "gather",
    "kvar_of",
    "kw_of",
    "place_in_day",
    "positions_in",
    "read_forecasts",
    "row_at",
    "series_of",
    "site_input",
    "sites_by_bus",
    "spread",
]
