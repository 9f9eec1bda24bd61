"""Shapes of the power-flow app in the API."""

from psa.api.serializers.forecasts import (
    AdjustedHalfHourSerializer,
    ForecastDryRunSerializer,
    ForecastFileQuery,
    ForecastPreviewSerializer,
    ForecastSerializer,
    ForecastVersionSerializer,
)
from psa.api.serializers.networks import NetworkEventSerializer, SiteRoomsSerializer
from psa.api.serializers.studies import PaperSerializer, StudyInListSerializer, StudySerializer
from psa.api.serializers.what_ifs import WhatIfSerializer

__all__ = [
    "AdjustedHalfHourSerializer",
    "ForecastDryRunSerializer",
    "ForecastFileQuery",
    "ForecastPreviewSerializer",
    "ForecastSerializer",
    "ForecastVersionSerializer",
    "NetworkEventSerializer",
    "PaperSerializer",
    "SiteRoomsSerializer",
    "StudyInListSerializer",
    "StudySerializer",
    "WhatIfSerializer",
]
