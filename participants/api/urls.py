"""The API's part of people and organisations."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import SimpleRouter

from participants.api.organisation_views import (
    InvitationViews,
    MemberViews,
    OrganisationView,
    TermsViews,
)
from participants.api.views import MeView, NoticeViews, PreferencesView

router = SimpleRouter()
router.register("notices", NoticeViews, basename="api-notice")
router.register("members", MemberViews, basename="api-member")
router.register("invitations", InvitationViews, basename="api-invitation")
router.register("terms", TermsViews, basename="api-terms")
urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    path("me/", MeView.as_view(), name="api-me"),
    path("organisation/", OrganisationView.as_view(), name="api-organisation"),
    path("notice-preferences/", PreferencesView.as_view(), name="api-preferences"),
]
