"""The market's pages."""

from __future__ import annotations

from django.urls import URLPattern, path

from nmf.views import contracts, headroom, market, publishing, requests

app_name = "nmf"
urlpatterns: list[URLPattern] = [
    path("", market.home, name="home"),
    path("market/", market.board, name="board"),
    path("market/headroom/", headroom.headroom_list, name="headroom"),
    path("sites/<int:site_id>/headroom/", headroom.site_headroom, name="site-headroom"),
    path("requests/", requests.request_list, name="requests"),
    path("requests/new/", publishing.new_request, name="new-request"),
    path("requests/<int:request_id>/", requests.request_page, name="request"),
    path(
        "requests/<int:request_id>/published/",
        publishing.request_published,
        name="request-published",
    ),
    path("requests/<int:request_id>/respond/", requests.respond, name="respond"),
    path(
        "requests/<int:request_id>/ask-to-respond/", requests.ask_to_respond, name="ask-to-respond"
    ),
    path("requests/<int:request_id>/cancel/", requests.cancel_request, name="cancel-request"),
    path("requests/<int:request_id>/reject/", requests.reject_request, name="reject-request"),
    path("responses/<int:response_id>/accept/", requests.accept_response, name="accept-response"),
    path(
        "responses/<int:response_id>/ask-to-accept/", requests.ask_to_accept, name="ask-to-accept"
    ),
    path("responses/<int:response_id>/reject/", requests.reject_response, name="reject-response"),
    path("responses/<int:response_id>/cancel/", requests.cancel_response, name="cancel-response"),
    path("contracts/", contracts.contract_list, name="contracts"),
    path("contracts/<int:contract_id>/", contracts.contract_page, name="contract"),
    path(
        "contracts/<int:contract_id>/propose-cancellation/",
        contracts.propose_cancellation,
        name="propose-cancellation",
    ),
    path(
        "contracts/<int:contract_id>/confirm-cancellation/",
        contracts.confirm_cancellation,
        name="confirm-cancellation",
    ),
    path(
        "contracts/<int:contract_id>/withdraw-cancellation/",
        contracts.withdraw_cancellation,
        name="withdraw-cancellation",
    ),
]
