"""The API's own document and its page."""

from __future__ import annotations

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.urls import URLPattern, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny

# Swagger's own script sets style attributes: this one page allows them, and no script.
docs = csp_update({"style-src": [SELF, UNSAFE_INLINE]})(
    SpectacularSwaggerSplitView.as_view(url_name="api-schema", permission_classes=[AllowAny])
)

urlpatterns: list[URLPattern] = [
    path(
        "openapi.json", SpectacularAPIView.as_view(permission_classes=[AllowAny]), name="api-schema"
    ),
    path("docs/", docs, name="api-docs"),
]
