"""Who may read what: each route that reads, against each kind of caller, as in ``matrix``.

The cells are statuses: 404 is what one may not see, whether it is there or not. Reading writes
nothing.
"""

from __future__ import annotations

from tests.security.matrix import Row

_MEMBERS = "302 200 200  200 200 200  200 200 200"
_PUBLIC = "200 200 200  200 200 200  200 200 200"
_PARTIES = "302 404 200  200 200 200  200 200 200"  # both ends of a trade, and the DSO
_HOME = "302 404 404  200 200 200  404 404 404"
_HOME_AND_DSO = "302 404 404  200 200 200  200 200 200"
_API_MEMBERS = "401 200 200  200 200 200  200 200 200"
_API_PARTIES = "401 404 200  200 200 200  200 200 200"
_API_HOME = "401 404 404  200 200 200  200 200 200"  # one's own, and the DSO
_API_OWN_HOME = "401 404 404  200 200 200  404 404 404"

PAGES = [
    Row("GET ", "", "", "302 200 200  200 200 200  302 302 302"),  # the DSO's home is its portal
    Row("GET livez", "", "", _PUBLIC),
    Row("GET readyz", "", "", _PUBLIC),
    Row("GET terms/", "", "", _PUBLIC),
    Row("GET market/", "", "", _MEMBERS),
    Row("GET requests/", "", "", _MEMBERS),
    Row("GET requests/new/", "", "", _MEMBERS),
    Row("GET requests/<int:request_id>/", "to home", "", _PARTIES),
    Row("GET requests/<int:request_id>/", "pool, of home", "", _MEMBERS),
    Row("GET requests/<int:request_id>/published/", "of home", "", _PARTIES),
    Row("GET contracts/", "", "", _MEMBERS),
    Row("GET contracts/<int:contract_id>/", "contract", "", _PARTIES),
    Row("GET sites/", "", "", _MEMBERS),
    Row("GET applications/registrations/new/", "", "", "302 200 200  403 200 200  403 403 403"),
    *(
        Row(f"GET applications/registrations/<int:pk>/{page}/", "draft registration", "",
            "302 404 404  403 200 200  404 404 404")
        for page in ("site", "assets", "capacity", "times", "documents")
    ),
    Row("GET applications/registrations/<int:pk>/submit/", "draft registration", "",
        "302 404 404  200 200 200  404 404 404"),
    Row("GET documents/<int:pk>/", "document", "", "302 404 404  200 200 200  200 200 200"),
    Row("GET sites/<int:pk>/", "site", "", _HOME),
    Row("GET market/headroom/", "", "", _MEMBERS),
    Row("GET sites/<int:site_id>/headroom/", "site", "", _HOME),
    Row("GET sites/<int:pk>/register.csv", "site", "", _HOME_AND_DSO),
    Row("GET register/statements/<int:pk>.pdf", "statement", "", _HOME_AND_DSO),
    Row("GET sites/<int:pk>/capacity-register/", "site", "", _HOME_AND_DSO),
    Row("GET applications/", "", "", _MEMBERS),
    Row("GET applications/registrations/<int:pk>/", "registration", "", _HOME),
    Row("GET applications/tcvns/new/", "", "", _MEMBERS),
    Row("GET applications/tcvns/<int:pk>/", "issued tcvn", "", _HOME),
    Row("GET applications/tcvns/<int:pk>/change/", "draft tcvn", "",
        "302 404 404  403 200 200  404 404 404"),
    Row("GET applications/tcvns/<int:pk>/notice.txt", "issued tcvn", "",
        "302 404 404  200 200 200  200 200 200"),
    Row("GET applications/tcvns/<int:pk>/at-the-site/", "issued tcvn", "", _HOME),
    Row("GET applications/tcvns/<int:pk>/vary/", "in_force tcvn", "",
        "302 404 404  403 200 200  404 404 404"),
    Row("GET applications/tcvns/<int:pk>/calendar.ics", "in_force tcvn", "", _HOME),
    Row("GET applications/tcvns/<int:pk>/notice.pdf", "issued tcvn", "",
        "302 404 404  409 409 409  409 409 409"),  # no worker has made it
    Row("GET agreements/<int:pk>/", "offered p2p", "", _HOME_AND_DSO),
    Row("GET agreements/<int:pk>/agreement.txt", "offered p2p", "", _HOME_AND_DSO),
    Row("GET agreements/<int:pk>/agreement.pdf", "offered p2p", "",
        "302 404 404  409 409 409  409 409 409"),  # no worker has made it
    Row("GET agreements/<int:pk>/calendar.ics", "agreed p2p", "", _HOME_AND_DSO),
    Row("GET organisation/", "", "", _MEMBERS),
    Row("GET organisation/tokens/", "", "", _MEMBERS),
    Row("GET notices/", "", "", _MEMBERS),
    Row("GET notices/preferences/", "", "", _MEMBERS),
    Row("GET notices/<int:pk>/", "notice", "", "302 404 404  404 200 404  404 404 404"),
    # of the demo alone
    Row("GET demo/mail/", "", "", "404 404 404  404 404 404  404 404 404"),
    Row("GET demo/mail/<str:name>/", "notice", "", "404 404 404  404 404 404  404 404 404"),
]  # fmt: skip

API = [
    Row("GET api/v1/openapi.json", "", "", _PUBLIC),
    Row("GET api/v1/docs/", "", "", _PUBLIC),
    Row("GET api/v1/me/", "", "", _API_MEMBERS),
    Row("GET api/v1/organisation/", "", "", _API_MEMBERS),
    Row("GET api/v1/notice-preferences/", "", "", _API_MEMBERS),
    *(
        Row(f"GET api/v1/{name}/", "", "", _API_MEMBERS)
        for name in (
            "areas",
            "capacity-statements",
            "contracts",
            "invitations",
            "market-parameters",
            "members",
            "network-events",
            "network-models",
            "notices",
            "peer-sites",
            "registrations",
            "requests",
            "responses",
            "signatories",
            "sites",
            "studies",
            "p2p-agreements",
            "tcvns",
            "tenancy-changes",
            "terms",
        )
    ),
    Row("GET api/v1/areas/<pk>/", "area", "", _API_MEMBERS),
    Row("GET api/v1/market-parameters/<pk>/", "parameters", "", _API_MEMBERS),
    Row("GET api/v1/terms/<pk>/", "terms", "", _API_MEMBERS),
    Row("GET api/v1/contracts/<pk>/", "contract", "", _API_PARTIES),
    Row("GET api/v1/tenancy-changes/<pk>/", "tenancy change", "", _API_PARTIES),
    Row("GET api/v1/signatories/<pk>/", "signatory", "", _API_HOME),
    Row("GET api/v1/requests/<pk>/", "to home", "", _API_PARTIES),
    Row("GET api/v1/requests/<pk>/", "pool, of home", "", _API_MEMBERS),
    Row("GET api/v1/requests/<pk>/confirmations/", "to home", "", _API_PARTIES),
    Row("GET api/v1/responses/<pk>/", "answer of home", "", _API_PARTIES),
    Row("GET api/v1/studies/<pk>/", "study", "", _API_PARTIES),
    # not computed yet; peers may not see the other sites' forecasts in it
    Row("GET api/v1/studies/<pk>/receipt/", "study", "", "401 404 404  404 404 404  409 409 409"),
    Row("GET api/v1/studies/<pk>/facts/", "study", "", "401 404 404  404 404 404  200 200 200"),
    # not asked for yet
    Row("GET api/v1/studies/<pk>/pdf/", "study", "", "401 404 404  404 404 404  409 409 409"),
    Row("GET api/v1/sites/<pk>/", "site", "", _API_HOME),
    Row("GET api/v1/sites/<pk>/register/", "site", "", _API_HOME),
    Row("GET api/v1/sites/<pk>/agreements/", "site", "", _API_HOME),
    Row("GET api/v1/sites/<pk>/register-csv/", "site", "", _API_HOME),
    Row("GET api/v1/capacity-statements/<pk>/", "statement", "", _API_HOME),
    Row("GET api/v1/capacity-statements/<pk>/file/", "statement", "", _API_HOME),
    Row("GET api/v1/register/changes/", "", "", _API_MEMBERS),
    Row("GET api/v1/register/statements/<str:month>.csv", "month", "",
        "401 404 404  404 404 404  200 200 200"),
    Row("GET api/v1/register/daily.csv", "", "", _API_MEMBERS),
    Row("GET api/v1/sites/<int:site_id>/headroom/", "site", "", _API_HOME),
    Row("GET api/v1/sites/<int:site_id>/adjusted-forecast/", "site", "", _API_HOME),
    Row("GET api/v1/registrations/<pk>/", "registration", "", _API_HOME),
    Row("GET api/v1/registrations/<pk>/checklist/", "registration", "", _API_HOME),
    Row("GET api/v1/registrations/<pk>/assessments/", "registration", "", _API_HOME),
    Row("GET api/v1/tcvns/<pk>/assessments/", "issued tcvn", "", _API_HOME),
    Row("GET api/v1/documents/<pk>/", "document", "", _API_HOME),
    Row("GET api/v1/tcvns/<pk>/", "issued tcvn", "", _API_HOME),
    Row("GET api/v1/tcvns/<pk>/preview/", "draft tcvn", "", _API_HOME),
    Row("GET api/v1/tcvns/<pk>/notice/", "issued tcvn", "", _API_HOME),
    Row("GET api/v1/tcvns/<pk>/notice-pdf/", "issued tcvn", "",
        "401 404 404  409 409 409  409 409 409"),
    Row("GET api/v1/p2p-agreements/<pk>/", "offered p2p", "", _API_HOME),
    Row("GET api/v1/p2p-agreements/<pk>/document/", "offered p2p", "", _API_HOME),
    Row("GET api/v1/p2p-agreements/<pk>/document-pdf/", "offered p2p", "",
        "401 404 404  409 409 409  409 409 409"),
    Row("GET api/v1/network-events/<pk>/", "event", "",
        "401 404 404  404 404 404  200 200 200"),
    Row("GET api/v1/network-models/<pk>/", "model", "",
        "401 404 404  404 404 404  200 200 200"),
    Row("GET api/v1/members/<pk>/", "viewer", "", _API_OWN_HOME),
    # the rival is invited to the home team
    Row("GET api/v1/invitations/<pk>/", "invitation", "",
        "401 200 404  200 200 200  404 404 404"),
    Row("GET api/v1/notices/<pk>/", "notice", "", "401 404 404  404 200 404  404 404 404"),
    # opted-in peers, of others
    Row("GET api/v1/peer-sites/<pk>/", "site", "", "401 200 200  404 404 404  404 404 404"),
]  # fmt: skip

PORTAL = [
    Row("GET dso/", "", "", "302 404 404  404 404 404  404 200 200"),
    Row("GET dso/jsi18n/", "", "", "302 404 404  404 404 404  404 200 200"),
    Row("GET dso/<app_label>/", "an app", "", "302 404 404  404 404 404  404 200 200"),
    Row(
        "GET dso/psa/study/<int:study_id>/receipt/",
        "study",
        "",
        "302 404 404  404 404 404  404 302 302",
    ),  # not computed: engineers go to its page
    Row("GET dso/psa/forecastversion/planning/", "", "", "302 404 404  404 404 404  404 403 200"),
    Row(
        "GET dso/psa/forecastversion/template/<slug:name>.csv",
        "template",
        "",
        "302 404 404  404 404 404  404 403 200",
    ),
    Row(
        "GET dso/psa/forecastversion/upload/<int:upload_id>/",
        "upload",
        "",
        "302 404 404  404 404 404  404 403 200",
    ),
    Row(
        "GET dso/psa/forecastversion/upload/<int:upload_id>/faults.csv",
        "upload",
        "",
        "302 404 404  404 404 404  404 403 200",
    ),
    Row(
        "GET dso/connections/tenancychange/<int:pk>/evidence/",
        "tenancy change",
        "",
        "302 404 404  404 404 404  404 200 200",
    ),
    Row(
        "GET dso/connections/p2pagreement/<int:pk>/notice.txt",
        "offered p2p",
        "",
        "302 404 404  404 404 404  404 200 200",
    ),
    Row(
        "GET dso/connections/p2pagreement/<int:pk>/notice.pdf",
        "offered p2p",
        "",
        "302 404 404  404 404 404  404 409 409",
    ),
    Row(
        "GET dso/connections/tcvn/<int:pk>/notice.txt",
        "issued tcvn",
        "",
        "302 404 404  404 404 404  404 200 200",
    ),
    Row(
        "GET dso/connections/tcvn/<int:pk>/notice.pdf",
        "issued tcvn",
        "",
        "302 404 404  404 404 404  404 409 409",
    ),
    Row("GET dso/psa/study/what-if/", "", "", "302 404 404  404 404 404  404 200 200"),
    Row("GET dso/roles/", "", "", "302 404 404  404 404 404  404 200 200"),
    Row("GET dso/applications/", "", "", "302 404 404  404 404 404  404 200 200"),
    Row("GET dso/sites/import/", "", "", "302 404 404  404 404 404  404 200 200"),
    Row(
        "GET dso/sites/import/<int:file_id>/",
        "site file",
        "",
        "302 404 404  404 404 404  404 200 200",
    ),
    Row("GET dso/areas/", "", "", "302 404 404  404 404 404  404 200 200"),
    Row("GET dso/areas/<int:area_id>/", "area", "", "302 404 404  404 404 404  404 200 200"),
    Row(
        "GET dso/psa/study/<int:study_id>/values/",
        "study",
        "",
        "302 404 404  404 404 404  404 404 404",
    ),  # no picture yet
    Row(
        "GET dso/psa/study/<int:study_id>/pdf/",
        "study",
        "",
        "302 404 404  404 404 404  404 404 404",
    ),  # not asked for yet
    Row(
        "GET dso/psa/study/<int:study_id>/facts/",
        "study",
        "",
        "302 404 404  404 404 404  404 200 200",
    ),
    Row(
        "GET dso/psa/study/<int:study_id>/snapshot/",
        "study",
        "",
        "302 404 404  404 404 404  404 404 404",
    ),  # no picture yet
    Row("GET dso/autocomplete/", "", "", "302 404 404  404 404 404  404 403 403"),
]
OF_EACH_TABLE = "302 404 404  404 404 404  404 200 200"  # lists and rows, by permission

READS = [*PAGES, *API, *PORTAL]
_PERIOD = {
    "direction": "EXPORT",
    "starts_at": "2026-03-16T00:00:00Z",
    "ends_at": "2026-03-17T00:00:00Z",
}
QUERIES = {
    "api/v1/sites/<pk>/register/": _PERIOD,
    "api/v1/sites/<pk>/register-csv/": _PERIOD,
    "api/v1/sites/<int:site_id>/adjusted-forecast/": _PERIOD,
}
