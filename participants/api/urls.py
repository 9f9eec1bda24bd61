"""The API's part of people and organisations."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import SimpleRouter

from participants.api.views import MeView, NoticeViews

router = SimpleRouter()
router.register("notices", NoticeViews, basename="api-notice")
urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    path("me/", MeView.as_view(), name="api-me"),
]
