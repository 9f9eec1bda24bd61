"""Sites, registrations and TCVNs in the API."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

from connections.api.views import AreaViews, RegistrationViews, SiteViews, TcvnViews

router = SimpleRouter()
router.register("areas", AreaViews, basename="api-area")
router.register("sites", SiteViews, basename="api-site")
router.register("registrations", RegistrationViews, basename="api-registration")
router.register("tcvns", TcvnViews, basename="api-tcvn")
urlpatterns = router.urls
