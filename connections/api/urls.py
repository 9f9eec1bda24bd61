"""Sites, registrations and TCVNs in the API."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import SimpleRouter

from connections.api.agreements import P2pAgreementViews
from connections.api.imports import SiteFileView
from connections.api.register import RegisterChangesView, RegisterDailyView, RegisterStatementView
from connections.api.registrations import RegistrationViews
from connections.api.signatories import SignatoryViews
from connections.api.statements import CapacityStatementViews
from connections.api.tcvns import TcvnViews
from connections.api.tenancies import TenancyChangeViews
from connections.api.views import AreaViews, DocumentViews, PreparerViews, SiteViews

router = SimpleRouter()
router.register("areas", AreaViews, basename="api-area")
router.register("sites", SiteViews, basename="api-site")
router.register("registrations", RegistrationViews, basename="api-registration")
router.register("preparers", PreparerViews, basename="api-preparer")
router.register("documents", DocumentViews, basename="api-document")
router.register("tcvns", TcvnViews, basename="api-tcvn")
router.register("p2p-agreements", P2pAgreementViews, basename="api-p2p-agreement")
router.register("signatories", SignatoryViews, basename="api-signatory")
router.register("capacity-statements", CapacityStatementViews, basename="api-statement")
router.register("tenancy-changes", TenancyChangeViews, basename="api-tenancy-change")
urlpatterns: list[URLPattern | URLResolver] = [
    path("register/changes/", RegisterChangesView.as_view(), name="register-changes"),
    path("register/daily.csv", RegisterDailyView.as_view(), name="register-daily"),
    path("sites/file/", SiteFileView.as_view(), name="site-file"),
    path(
        "register/statements/<str:month>.csv",
        RegisterStatementView.as_view(),
        name="register-statement",
    ),
    *router.urls,
]
