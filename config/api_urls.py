"""The REST API's URL map, version 1."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("", include("core.api.urls")),
    path("", include("participants.api.urls")),
    path("", include("connections.api.urls")),
    path("", include("nmf.api.urls")),
    path("", include("psa.api.urls")),
]
