from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from psa.api.network_views import NetworkModelViewSet
from psa.api.study_views import StudyViewSet
from psa.api.views import (
    AdjustedForecastView,
    ForecastFileView,
    ForecastView,
    HeadroomView,
    NetworkEventViewSet,
)

router = SimpleRouter()
router.register("network-models", NetworkModelViewSet, basename="network-model")
router.register("studies", StudyViewSet, basename="study")
router.register("network-events", NetworkEventViewSet, basename="network-event")

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(router.urls)),
    path("forecasts/", ForecastView.as_view(), name="forecast-list"),
    path("forecasts/file/", ForecastFileView.as_view(), name="forecast-file"),
    path("sites/<int:site_id>/headroom/", HeadroomView.as_view(), name="site-headroom"),
    path(
        "sites/<int:site_id>/adjusted-forecast/",
        AdjustedForecastView.as_view(),
        name="adjusted-forecast",
    ),
]
