"""The market's part of the API."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

from nmf.api.views import (
    ContractViews,
    MarketParametersViews,
    PeerSiteViews,
    RequestViews,
    ResponseViews,
)

router = SimpleRouter()
router.register("requests", RequestViews, basename="api-request")
router.register("responses", ResponseViews, basename="api-response")
router.register("contracts", ContractViews, basename="api-contract")
router.register("peer-sites", PeerSiteViews, basename="api-peer-site")
router.register("market-parameters", MarketParametersViews, basename="api-market-parameters")
urlpatterns = router.urls
