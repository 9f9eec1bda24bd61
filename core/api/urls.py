"""The API's own document and its page."""

from __future__ import annotations

from django.urls import URLPattern, path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.permissions import AllowAny

from core.api import docs

urlpatterns: list[URLPattern] = [
    path(
        "openapi.json", SpectacularAPIView.as_view(permission_classes=[AllowAny]), name="api-schema"
    ),
    path("docs/", docs.page, name="api-docs"),
]
