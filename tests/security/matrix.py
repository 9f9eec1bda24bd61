"""Who may send what: each route that writes, against each kind of caller.

A row: the route, the object it is called on ("" for none), what an allowed call does (an event's
verb, or the table that it changes), and what each of ``cast.ACTORS`` gets: "ok", which is any 2xx
or a page further on with that effect seen, or a status with nothing written at all. 404 is what
one may not see, 403 what one sees and may not do, 302 the way to the log-in. Bodies are valid
(``bodies``), so that only the permission can stand in the way.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    call: str  # method and route
    on: str
    effect: str
    cells: str  # in the order of cast.ACTORS


# the home team's roles:                  stranger rival other  viewer trader admin  dso: viewer
#                                                                              engineer manager
PAGES = [
    Row("POST requests/new/", "",
        "nmf.request.published",          "302 404 404  403 ok ok  404 404 404"),
    Row("POST requests/<int:request_id>/respond/", "to home",
        "nmf.response.given",             "302 404 404  403 ok ok  404 404 404"),
    Row("POST requests/<int:request_id>/ask-to-respond/", "to home",
        "nmf.confirmation.asked",         "302 404 404  403 ok ok  404 404 404"),
    Row("POST requests/<int:request_id>/cancel/", "of home",
        "nmf.request.cancelled",          "302 404 403  403 ok ok  403 403 403"),
    Row("POST requests/<int:request_id>/cancel/", "pool, of home",
        "nmf.request.cancelled",          "302 403 403  403 ok ok  403 403 403"),
    Row("POST requests/<int:request_id>/reject/", "to home",
        "nmf.request.rejected",           "302 404 403  403 ok ok  403 403 403"),
    Row("POST responses/<int:response_id>/accept/", "offer to home",
        "nmf.contract.agreed",            "302 404 403  403 ok ok  403 403 403"),
    Row("POST responses/<int:response_id>/ask-to-accept/", "offer to home",
        "nmf.confirmation.asked",         "302 404 403  403 ok ok  403 403 403"),
    Row("POST responses/<int:response_id>/reject/", "offer to home",
        "nmf.response.rejected",          "302 404 403  403 ok ok  403 403 403"),
    Row("POST responses/<int:response_id>/cancel/", "answer of home",
        "nmf.response.cancelled",         "302 404 403  403 ok ok  403 403 403"),
    Row("POST contracts/<int:contract_id>/propose-cancellation/", "contract",
        "nmf.contract.cancellation_proposed",
                                          "302 404 ok   403 ok ok  403 403 403"),
    Row("POST contracts/<int:contract_id>/confirm-cancellation/", "ending, the other's wish",
        "nmf.contract.cancelled",         "302 404 403  403 ok ok  403 403 403"),
    Row("POST contracts/<int:contract_id>/withdraw-cancellation/", "ending, the other's wish",
        "nmf.contract.cancellation_dropped",
                                          "302 404 ok   403 ok ok  403 403 403"),
    Row("POST sites/new/", "",
        "connections.site.created",       "302 ok  ok   403 ok ok  403 403 403"),
    Row("POST sites/<int:pk>/register/", "site",
        "connections.registration.started",
                                          "302 404 404  403 ok ok  404 404 404"),
    Row("POST applications/registrations/<int:pk>/", "draft registration",
        "connections.registration.submitted",
                                          "302 404 404  403 ok ok  404 404 404"),
    Row("POST applications/tcvns/new/", "",
        "connections.tcvn.requested",     "302 404 404  403 ok ok  404 404 404"),
    # only the agreement's signatory signs, and that is the trader here
    Row("POST applications/tcvns/<int:pk>/submit/", "draft tcvn",
        "connections.tcvn.submitted",     "302 404 404  403 ok 403  404 404 404"),
    Row("POST applications/tcvns/<int:pk>/withdraw/", "draft tcvn",
        "connections.tcvn.withdrawn",     "302 404 404  403 ok ok  404 404 404"),
    Row("POST applications/tcvns/<int:pk>/execute/", "issued tcvn",
        "connections.tcvn.executed",      "302 404 404  403 ok 403  404 404 404"),
    Row("POST organisation/switch/", "",
        "django_session",                 "302 404 404  ok  ok ok  404 404 404"),
    Row("POST organisation/settings/", "",
        "participants.organisation.changed",
                                          "302 403 403  403 403 ok  403 403 ok"),
    Row("POST organisation/invitations/", "",
        "participants.invitation.sent",   "302 403 403  403 403 ok  403 403 ok"),
    Row("POST organisation/invitations/<int:pk>/accept/", "invitation",
        "participants.member.added",      "302 ok  404  404 404 404  404 404 404"),
    Row("POST organisation/invitations/<int:pk>/withdraw/", "invitation",
        "participants.invitation.withdrawn",
                                          "302 404 404  403 403 ok  404 404 404"),
    Row("POST organisation/members/<int:pk>/role/", "viewer",
        "participants.member.role_changed",
                                          "302 404 404  403 403 ok  404 404 404"),
    Row("POST organisation/members/<int:pk>/remove/", "viewer",  # a member may leave
        "participants.member.removed",    "302 404 404  ok  403 ok  404 404 404"),
    Row("POST organisation/terms/<int:pk>/accept/", "terms",
        "participants.terms.accepted",    "302 403 403  403 403 ok  403 403 ok"),
    Row("POST organisation/tokens/", "",
        "participants.token.issued",      "302 ok  ok   ok  ok ok  ok ok ok"),
    Row("POST organisation/tokens/<str:token_key>/revoke/", "token",
        "participants.token.revoked",     "302 404 404  404 ok 404  404 404 404"),
    Row("POST notices/read/", "",
        "participants_notice",            "302 404 404  404 ok 404  404 404 404"),
    Row("POST notices/preferences/", "",
        "participants_noticepreference",  "302 ok  ok   ok  ok ok  ok ok ok"),
]  # fmt: skip

API = [
    Row("POST api/v1/requests/", "",
        "nmf.request.published",          "401 404 404  403 ok ok  404 404 404"),
    Row("POST api/v1/requests/<pk>/respond/", "to home",
        "nmf.response.given",             "401 404 404  403 ok ok  404 404 404"),
    Row("POST api/v1/requests/<pk>/ask-to-respond/", "to home",
        "nmf.confirmation.asked",         "401 404 404  403 ok ok  404 404 404"),
    Row("POST api/v1/requests/<pk>/cancel/", "of home",
        "nmf.request.cancelled",          "401 404 403  403 ok ok  403 403 403"),
    Row("POST api/v1/requests/<pk>/cancel/", "pool, of home",
        "nmf.request.cancelled",          "401 403 403  403 ok ok  403 403 403"),
    Row("POST api/v1/requests/<pk>/reject/", "to home",
        "nmf.request.rejected",           "401 404 403  403 ok ok  403 403 403"),
    Row("POST api/v1/responses/<pk>/accept/", "offer to home",
        "nmf.contract.agreed",            "401 404 403  403 ok ok  403 403 403"),
    Row("POST api/v1/responses/<pk>/ask-to-accept/", "offer to home",
        "nmf.confirmation.asked",         "401 404 403  403 ok ok  403 403 403"),
    Row("POST api/v1/responses/<pk>/reject/", "offer to home",
        "nmf.response.rejected",          "401 404 403  403 ok ok  403 403 403"),
    Row("POST api/v1/responses/<pk>/cancel/", "answer of home",
        "nmf.response.cancelled",         "401 404 403  403 ok ok  403 403 403"),
    Row("POST api/v1/contracts/<pk>/propose-cancellation/", "contract",
        "nmf.contract.cancellation_proposed",
                                          "401 404 ok   403 ok ok  403 403 403"),
    Row("POST api/v1/contracts/<pk>/confirm-cancellation/", "ending, the other's wish",
        "nmf.contract.cancelled",         "401 404 403  403 ok ok  403 403 403"),
    Row("POST api/v1/contracts/<pk>/withdraw-cancellation/", "ending, the other's wish",
        "nmf.contract.cancellation_dropped",
                                          "401 404 ok   403 ok ok  403 403 403"),
    Row("POST api/v1/sites/", "",
        "connections.site.created",       "401 ok  ok   403 ok ok  403 403 403"),
    Row("PATCH api/v1/registrations/<pk>/", "draft registration",
        "connections.registration.changed",
                                          "401 404 404  403 ok ok  403 403 403"),
    Row("POST api/v1/registrations/", "",
        "connections.registration.started",
                                          "401 404 404  403 ok ok  404 404 404"),
    Row("POST api/v1/registrations/<pk>/submit/", "draft registration",
        "connections.registration.submitted",
                                          "401 404 404  403 ok ok  403 403 403"),
    Row("POST api/v1/tcvns/", "",
        "connections.tcvn.requested",     "401 404 404  403 ok ok  404 404 404"),
    Row("POST api/v1/tcvns/<pk>/submit/", "draft tcvn",
        "connections.tcvn.submitted",     "401 404 404  403 ok 403  403 403 403"),
    Row("POST api/v1/tcvns/<pk>/withdraw/", "draft tcvn",
        "connections.tcvn.withdrawn",     "401 404 404  403 ok ok  403 403 403"),
    Row("POST api/v1/tcvns/<pk>/execute/", "issued tcvn",
        "connections.tcvn.executed",      "401 404 404  403 ok 403  403 403 403"),
    Row("PATCH api/v1/organisation/", "",
        "participants.organisation.changed",
                                          "401 403 403  403 403 ok  403 403 ok"),
    Row("PATCH api/v1/members/<pk>/", "viewer",
        "participants.member.role_changed",
                                          "401 404 404  403 403 ok  404 404 404"),
    Row("DELETE api/v1/members/<pk>/", "viewer",  # a member may leave
        "participants.member.removed",    "401 404 404  ok  403 ok  404 404 404"),
    Row("POST api/v1/invitations/", "",
        "participants.invitation.sent",   "401 403 403  403 403 ok  403 403 ok"),
    Row("POST api/v1/invitations/<pk>/accept/", "invitation",
        "participants.member.added",      "401 ok  404  404 404 404  404 404 404"),
    Row("DELETE api/v1/invitations/<pk>/", "invitation",
        "participants.invitation.withdrawn",
                                          "401 403 404  403 403 ok  404 404 404"),
    Row("POST api/v1/terms/<pk>/accept/", "terms",
        "participants.terms.accepted",    "401 403 403  403 403 ok  403 403 ok"),
    Row("PUT api/v1/notice-preferences/", "",
        "participants_noticepreference",  "401 ok  ok   ok  ok ok  ok ok ok"),
    Row("POST api/v1/notices/read/", "",  # who has none marks none
        "participants_notice",            "401 ok  ok   200 ok ok  200 200 200"),
    Row("POST api/v1/notices/<pk>/read/", "notice",
        "participants_notice",            "401 404 404  404 ok 404  404 404 404"),
    Row("POST api/v1/network-models/", "",
        "psa.network_model.uploaded",     "401 403 403  403 403 403  403 ok ok"),
    Row("POST api/v1/forecasts/", "",
        "psa.forecast.published",         "401 403 403  403 403 403  403 403 ok"),
    Row("POST api/v1/forecasts/file/", "",
        "psa.forecast.published",         "401 403 403  403 403 403  403 403 ok"),
    Row("POST api/v1/network-events/", "",
        "psa.network_event.recorded",     "401 403 403  403 403 403  403 ok ok"),
    Row("POST api/v1/network-events/<pk>/withdraw/", "event",
        "psa.network_event.withdrawn",    "401 404 404  404 404 404  403 ok ok"),
    Row("POST api/v1/studies/", "",
        "psa.study.requested",            "401 403 403  403 403 403  403 ok ok"),
]  # fmt: skip

_ENGINEERS = "302 302 302  302 302 302  403 ok ok"
_MANAGERS = "302 302 302  302 302 302  403 403 ok"
PORTAL = [
    *(
        Row(f"POST dso/wsc/review/<int:review_id>/{move}/", "review", effect, _ENGINEERS)
        for move, effect in (
            ("approve", "nmf.contract.approved"),
            ("reject", "nmf.contract.rejected"),
            ("cancel", "nmf.contract.cancelled"),
            ("study-again", "psa.study.requested"),
        )
    ),
    *(
        Row(
            f"POST dso/connections/registration/<int:pk>/{move}/step/",
            "registration",
            f"connections.registration.{verb}",
            _ENGINEERS,
        )
        for move, verb in (("approve", "approved"), ("return", "returned"), ("refuse", "refused"))
    ),
    *(
        Row(
            f"POST dso/connections/tcvn/<int:pk>/{move}/step/",
            f"{state} tcvn",
            f"connections.tcvn.{verb}",
            _ENGINEERS,
        )
        for move, state, verb in (
            ("start_assessment", "requested", "assessment_started"),
            ("support", "assessing", "supported"),
            ("support_conditionally", "assessing", "conditional"),
            ("refuse", "assessing", "refused"),
            ("issue", "supported", "issued"),
            ("countersign", "executed", "in_force"),
            ("end", "in_force", "ended"),
        )
    ),
    Row("POST dso/psa/forecastversion/planning/", "",
        "psa.forecast.published", _MANAGERS),
    Row("POST dso/psa/forecastversion/add/", "",
        "psa_forecastupload", _MANAGERS),
    Row("POST dso/psa/forecastversion/upload/<int:upload_id>/", "upload",
        "psa.forecast.published", _MANAGERS),
    Row("POST dso/psa/networkevent/add/", "",
        "psa.network_event.recorded", _ENGINEERS),
    Row("POST dso/psa/networkevent/<int:event_id>/withdraw/", "event",
        "psa.network_event.withdrawn", _ENGINEERS),
    Row("POST dso/psa/networkmodel/<int:model_id>/publish/", "model",
        "psa.network_model.published", _ENGINEERS),
    Row("POST dso/psa/networkmodel/<int:model_id>/map/", "model",
        "psa.network_model.mapped", _ENGINEERS),
    Row("POST dso/psa/networkmodel/<int:model_id>/accept/", "warned model",
        "psa.network_model.warnings_accepted", _ENGINEERS),
    Row("POST dso/psa/areaheadroom/<int:area_id>/publish/", "headroom",
        "psa.headroom.published", _MANAGERS),
    Row("POST dso/models/<int:model_id>/study-open-contracts/", "model",
        "psa.study.requested", _ENGINEERS),
    Row("POST dso/psa/study/what-if/", "",
        "psa.study.requested", _ENGINEERS),
    Row("POST dso/psa/study/<int:study_id>/picture/", "finished study",
        "psa.picture.requested", _ENGINEERS),
    # Actions of lists, and what of Django's own pages is open. All else of those writes nothing
    # for anybody: the test walks every model's add, change, delete and bulk delete.
    Row("POST dso/connections/signatory/", "",
        "connections.signatory.named", _ENGINEERS),
    Row("POST dso/core/outboxmessage/", "",  # an engineer gets the list, without the action
        "core_outboxmessage", "302 302 302  302 302 302  403 200 ok"),
    Row("POST dso/connections/site/<path:object_id>/change/", "site",
        "connections.site.placed", _ENGINEERS),
    Row("POST dso/connections/agreement/add/", "",
        "connections.agreement.recorded", _ENGINEERS),
    Row("POST dso/connections/area/add/", "",
        "connections_area", _MANAGERS),
    Row("POST dso/connections/area/<path:object_id>/change/", "area",
        "connections_area", _MANAGERS),
    Row("POST dso/psa/networkmodel/add/", "",
        "psa.network_model.uploaded", _ENGINEERS),
    Row("POST dso/nmf/marketparameters/add/", "",
        "nmf.parameters.published", _MANAGERS),
    Row("POST dso/nmf/commitment/add/", "",
        "nmf.commitment.recorded", _ENGINEERS),
    Row("POST dso/wsc/policy/add/", "",
        "wsc.policy.published", _MANAGERS),
    Row("POST dso/participants/organisation/add/", "",
        "participants.organisation.created", _MANAGERS),
    Row("POST dso/participants/membership/add/", "",
        "participants.member.added", _MANAGERS),
    Row("POST dso/participants/membership/<path:object_id>/delete/", "engineer",
        "participants.member.removed", _MANAGERS),
    Row("POST dso/participants/termsdocument/add/", "",
        "participants.terms.published", _MANAGERS),
]  # fmt: skip

ROWS = [*PAGES, *API, *PORTAL]
