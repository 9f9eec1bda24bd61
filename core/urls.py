from __future__ import annotations

from django.urls import URLPattern, path

from core import health

urlpatterns: list[URLPattern] = [
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
]
