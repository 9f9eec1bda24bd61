from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from psa.api.views import AdjustedForecastView, ForecastFileView, ForecastView, StudyViewSet

router = SimpleRouter()
router.register("studies", StudyViewSet, basename="study")

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(router.urls)),
    path("forecasts/", ForecastView.as_view(), name="forecast-list"),
    path("forecasts/file/", ForecastFileView.as_view(), name="forecast-file"),
    path(
        "sites/<int:site_id>/adjusted-forecast/",
        AdjustedForecastView.as_view(),
        name="adjusted-forecast",
    ),
]
