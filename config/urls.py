"""The URL map of the whole site."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from core.web import guide

handler400 = "core.web.faults.bad_request"
handler403 = "core.web.faults.permission_denied"
handler404 = "core.web.faults.page_not_found"
handler500 = "core.web.faults.server_error"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("core.urls")),
    path("", include("nmf.urls")),
    path("", include("connections.urls")),
    path("", include("participants.urls")),
    path("accounts/", include("allauth.urls")),
    path("dso/", include("wsc.urls")),
    path("dso/", admin.site.urls),
    path("api/v1/", include("config.api_urls")),
]
if settings.DEMO:
    urlpatterns.append(path("demo/guide/", guide.guide, name="guide"))
