"""A body for each route of the matrix with which a permitted call succeeds."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any

from django.core.files.base import ContentFile

from connections.admin.targets import DAYS
from connections.importing import preview
from connections.models import Site, Tcvn
from psa.engine.findings import digest
from tests.connections.making import read
from tests.security.cast import WARNING

Objects = Mapping[str, Any]
WINDOW = {
    "first_date": "2026-03-16",
    "last_date": "2026-03-20",
    "weekdays": [1, 2, 3, 4, 5],
    "start_time": "10:00",
    "end_time": "14:00",
}
GATES = {
    "opening_gate": "D-366 00:00",
    "request_gate": "D-3 12:00",
    "response_gate": "D-2 12:00",
    "acceptance_gate": "D-2 16:00",
    "decision_gate": "D-1 09:00",
}
REASON = {"reason": "Because."}
CSV = b"day,kw\n2026-03-02,5\n"
NO_ROWS = {"TOTAL_FORMS": 0, "INITIAL_FORMS": 0}


def _request(o: Objects) -> dict[str, Any]:
    return {
        **WINDOW,
        "site": o["site"],
        "direction": "EXPORT",
        "side": "SELL",
        "route": "POOL",
        "kw": "5",
        "price_gbp_per_kwh": "0.02",
        "step": "publish",
    }


def _response(o: Objects) -> dict[str, Any]:
    return {"site": o["site"], "kw": "5", "price_gbp_per_kwh": "0.02"}


def _tcvn(o: Objects) -> dict[str, Any]:
    return {
        **WINDOW,
        "site": o["site"],
        "direction": "EXPORT",
        "capacity_kw": "80",
        "reason": "A trade.",
        "confirm": "1",
    }


def _variation(_: Objects) -> dict[str, Any]:
    return {**WINDOW, "capacity_kw": "90", "reason": "More of it.", "confirm": "1"}


def _tenancy(o: Objects) -> dict[str, Any]:
    comes = Site.objects.get(pk=o["others_site"]).organisation
    return {
        "comes": comes.pk,
        "signatory": comes.memberships.all()[0].user_id,
        "from_at": "2027-06-01T00:00",
        "reason": "The mill is sold.",
        "file": ContentFile(TEST_SHEET, "deed.csv"),
    }


def _tenancy_json(o: Objects) -> dict[str, Any]:
    comes = Site.objects.get(pk=o["others_site"]).organisation
    return {
        "site": o["site"],
        "comes": comes.name,
        "signatory": comes.memberships.all()[0].user.email,
        "from_at": "2027-06-01T00:00:00Z",
        "reason": "The mill is sold.",
        "file": {"name": "deed.csv", "content": b64encode(TEST_SHEET).decode()},
    }


def _registration(o: Objects) -> dict[str, Any]:
    return {"site": o["site"], "buy_export_kw": "5", "months": [1], "weekdays": [1]}


def _typed_site(o: Objects) -> dict[str, Any]:
    return {"name": "Mill weir", "area": o["area"]}


def _signature(o: Objects) -> dict[str, Any]:
    return {"typed_name": "A. Miller", "document_hash": o["issued hash"]}


def _forecast(o: Objects) -> dict[str, Any]:
    day = {"starts_at": "2026-03-16T00:00:00Z", "export_kw": [1.0] * 48, "import_kw": [1.0] * 48}
    return {
        "area": o["area"],
        "kind": "OPERATIONAL",
        "source": "test",
        "rows": [day | {"site_id": o["site"]}],
    }


def _forecast_csv(o: Objects) -> dict[str, Any]:
    site = Site.objects.get(pk=o["site"])
    return {
        "area": o["area"],
        "source": "test",
        "csv": f"point,starts_at,net_kw\n{site},2026-03-16T00:00Z,1\n",
    }


def _what_if(o: Objects) -> dict[str, Any]:
    return {
        **WINDOW,
        "network_model": o["model"],
        "model": o["model"],
        "direction": "EXPORT",
        "changes": [{"site": o["site"], "role": "BOUGHT", "kw": 5}],
        "rows": 3,
        "site_1": o["site"],
        "role_1": "BOUGHT",
        "kw_1": 5,
        "role_2": "BOUGHT",
        "role_3": "BOUGHT",
        "own_power": {"demand_percent": 100, "generation_percent": 100},
        "rest": "own",
        "demand_percent": 100,
        "generation_percent": 100,
        "required_bases": ["rights_used"],
        "loading_fail_percent": 100,
        "loading_warn_percent": 95,
        "step_kw": 1,
    }


def _inline(*names: str) -> dict[str, Any]:
    return {f"{name}-{key}": value for name in names for key, value in NO_ROWS.items()}


TEST_SHEET = b"kw,ok\n80,yes\n"
LIMITATION = {
    "before_kw": "50",
    "after_kw": "80",
    "changed_by": "A. Fitter",
    "changed_on": "2026-03-01",
    "tested_by": "B. Tester",
    "tested_on": "2026-03-01",
}

OFFER = {
    "mec_kva": "60",
    "max_installed_kva": "60",
    "starts_at": "2026-03-16T00:00",
    "reason": "The area is studied automatically.",
}
OFFER_JSON = {**OFFER, "mic_kva": None, "starts_at": "2026-03-16T00:00:00Z"}


def _p2p_signature(o: Objects) -> dict[str, Any]:
    return {"typed_name": "A. Miller", "document_hash": o["offered hash"]}


BODIES: dict[str, Callable[[Objects], dict[str, Any]]] = {
    "requests/new/": _request,
    "api/v1/requests/": _request,
    "requests/<int:request_id>/respond/": _response,
    "api/v1/requests/<pk>/respond/": _response,
    "requests/<int:request_id>/ask-to-respond/": _response,
    "api/v1/requests/<pk>/ask-to-respond/": _response,
    "responses/<int:response_id>/accept/": lambda _: {"kw": "5"},
    "responses/<int:response_id>/ask-to-accept/": lambda _: {"kw": "5"},
    "contracts/<int:contract_id>/propose-cancellation/": lambda _: {"from_at": "2026-03-16T10:00"},
    "api/v1/contracts/<pk>/propose-cancellation/": lambda _: {"from_at": "2026-03-16T10:00:00Z"},
    "applications/registrations/new/": _typed_site,
    "applications/registrations/<int:pk>/site/": _typed_site,
    "applications/registrations/<int:pk>/assets/": lambda _: {
        "technology_1": "SOLAR",
        "rated_kw_1": 5,
    },
    "applications/registrations/<int:pk>/capacity/": lambda _: {"buy_export_kw": 5},
    "applications/registrations/<int:pk>/times/": lambda _: {"months": [1], "weekdays": [1]},
    "applications/registrations/<int:pk>/documents/": lambda _: {
        "file": ContentFile(CSV, "meters.csv")
    },
    "api/v1/registrations/<pk>/documents/": lambda _: {
        "name": "meters.csv",
        "content": b64encode(CSV).decode(),
    },
    "applications/registrations/<int:pk>/messages/": lambda _: {"text": "A word."},
    "api/v1/registrations/<pk>/messages/": lambda _: {"text": "A word."},
    "applications/tcvns/<int:pk>/messages/": lambda _: {"text": "A word."},
    "api/v1/tcvns/<pk>/messages/": lambda _: {"text": "A word."},
    "dso/connections/registration/<int:pk>/note/step/": lambda _: {"text": "A word."},
    "dso/connections/tcvn/<int:pk>/note/step/": lambda _: {"text": "A word."},
    "api/v1/registrations/<pk>/notes/": lambda _: {"text": "A word."},
    "api/v1/tcvns/<pk>/notes/": lambda _: {"text": "A word."},
    "applications/registrations/<int:pk>/preparers/": lambda _: {"email": "a@agent.example"},
    "api/v1/registrations/<pk>/preparers/": lambda _: {"email": "a@agent.example"},
    "api/v1/registrations/<pk>/": lambda _: {"buy_export_kw": "7", "months": [2]},
    "api/v1/registrations/": _registration,
    "api/v1/registrations/find-connection/": lambda _: {"mpan": "2000000000015"},
    "applications/tcvns/new/": _tcvn,
    "api/v1/tcvns/": _tcvn,
    "applications/tcvns/<int:pk>/change/": _tcvn,
    "api/v1/tcvns/<pk>/": lambda _: {"reason": "Another trade."},
    "applications/tcvns/<int:pk>/submit/": lambda o: {
        "read": "on",
        "document_sha256": read(Tcvn.objects.get(pk=o["draft tcvn"])),
    },
    "api/v1/tcvns/<pk>/submit/": lambda o: {
        "document_sha256": read(Tcvn.objects.get(pk=o["draft tcvn"]))
    },
    "applications/tcvns/<int:pk>/execute/": _signature,
    "api/v1/tcvns/<pk>/execute/": _signature,
    "agreements/<int:pk>/execute/": _p2p_signature,
    "api/v1/p2p-agreements/<pk>/execute/": _p2p_signature,
    "api/v1/sites/<pk>/agreements/": lambda _: {
        "reference": "CA-new",
        "voltage_kv": "0.4",
        "mic_kva": None,
        "mec_kva": "100",
        "export_power_factor": "1",
        "max_installed_kva": "300",
        "starts_at": "2026-03-03T00:00:00Z",
    },
    "api/v1/sites/<pk>/close/": lambda _: REASON | {"from_at": "2027-06-01T00:00:00Z"},
    "api/v1/signatories/": lambda o: {
        "site": o["site"],
        "email": f"administrator-{o['home']}@example.org",
    },
    "api/v1/tenancy-changes/": _tenancy_json,
    "api/v1/tenancy-changes/<pk>/cancel/": lambda _: REASON,
    "agreements/<int:pk>/decline/": lambda _: REASON,
    "api/v1/p2p-agreements/<pk>/decline/": lambda _: REASON,
    "agreements/<int:pk>/end/": lambda _: REASON | {"from_at": "2026-05-01"},
    "api/v1/p2p-agreements/<pk>/end/": lambda _: REASON | {"from_at": "2026-05-01T00:00:00Z"},
    "api/v1/p2p-agreements/": lambda o: OFFER_JSON | {"site": o["site"]},
    "api/v1/p2p-agreements/<pk>/reissue/": lambda _: OFFER_JSON | {"changed": "A typo."},
    "api/v1/p2p-agreements/<pk>/withdraw/": lambda _: REASON,
    "dso/connections/p2pagreement/add/": lambda o: OFFER | {"site": o["site"]},
    "dso/connections/p2pagreement/<int:pk>/reissue/step/": lambda _: OFFER | {"changed": "A typo."},
    "dso/connections/p2pagreement/<int:pk>/withdraw/step/": lambda _: REASON,
    "dso/connections/p2pagreement/<int:pk>/end/step/": lambda _: (
        REASON | {"from_at": "2026-03-16T10:00"}
    ),
    "dso/connections/p2ptemplate/add/": lambda _: {"clauses": "{site} follows its contracts."},
    "organisation/switch/": lambda o: {"organisation": o["home"]},
    "organisation/settings/": lambda _: {"may_initiate": "on", "may_buy": "on"},
    "organisation/invitations/": lambda _: {"email": "new@example.org", "role": "VIEWER"},
    "organisation/members/<int:pk>/role/": lambda _: {"role": "TRADER"},
    "organisation/tokens/": lambda _: {"name": "Meter", "scope": "READ", "days": 30},
    "notices/read/": lambda o: {"notice": o["notice"]},
    "notices/preferences/": lambda _: {"kind": ["nmf.request"]},
    "api/v1/organisation/": lambda _: {"may_buy": True},
    "api/v1/members/<pk>/": lambda _: {"role": "TRADER"},
    "api/v1/invitations/": lambda _: {"email": "new@example.org", "role": "VIEWER"},
    "api/v1/notice-preferences/": lambda _: {"by_email": ["nmf.request"]},
    "api/v1/forecasts/": _forecast,
    "api/v1/network-events/": lambda o: {
        "area": o["area"],
        "table": "line",
        "element": "Line 1",
        "field": "in_service",
        "value": 0,
        "starts_at": "2026-03-16T08:00:00Z",
        "ends_at": "2026-03-18T16:30:00Z",
    },
    "api/v1/network-models/": lambda o: {
        "area": o["area"],
        "name": "Lane",
        "content": b64encode(b"{}").decode(),
    },
    "api/v1/forecasts/file/": _forecast_csv,
    "api/v1/studies/": _what_if,
    "dso/psa/study/what-if/": _what_if,
    "dso/wsc/review/<int:review_id>/approve/": lambda _: REASON | {"on_old_study": "on"},
    "dso/wsc/review/<int:review_id>/reject/": lambda _: REASON,
    "dso/wsc/review/<int:review_id>/cancel/": lambda _: REASON | {"from_at": "2026-03-16T10:00"},
    "dso/connections/registration/<int:pk>/approve/step/": lambda _: {"max_buy_export_kw": "5"},
    "dso/connections/registration/<int:pk>/check/step/": lambda _: {"trial_area": "no"},
    "dso/connections/registration/<int:pk>/write/step/": lambda _: {"text": "A word."},
    "dso/connections/tcvn/<int:pk>/write/step/": lambda _: {"text": "A word."},
    "dso/connections/registration/<int:pk>/return/step/": lambda _: REASON,
    "dso/connections/registration/<int:pk>/refuse/step/": lambda _: REASON,
    "dso/connections/tcvn/<int:pk>/support/step/": lambda _: {"answer": "Supported."},
    "dso/connections/tcvn/<int:pk>/support_conditionally/step/": lambda o: {
        "answer": "If the other sells.",
        "seller_1": o["others_site"],
        "kw_1": "5",
    },
    "dso/connections/tcvn/<int:pk>/refuse/step/": lambda _: REASON,
    "api/v1/registrations/<pk>/settle-site/": lambda _: {"site": None},
    "api/v1/registrations/<pk>/checks/": lambda _: {
        "checks": [{"item": "TRIAL_AREA", "met": False, "note": "Outside."}]
    },
    "api/v1/registrations/<pk>/approve/": lambda _: {"max_buy_export_kw": "5"},
    "api/v1/registrations/<pk>/return/": lambda _: {"question": "Which months?"},
    "api/v1/registrations/<pk>/refuse/": lambda _: REASON,
    "api/v1/tcvns/<pk>/support/": lambda _: {"answer": "Supported."},
    "api/v1/tcvns/<pk>/support-conditionally/": lambda o: {
        "answer": "If the other sells.",
        "sellers": [{"site": o["others_site"], "kw": "5"}],
    },
    "api/v1/tcvns/<pk>/refuse/": lambda _: REASON | {"largest_kw": "40"},
    "api/v1/tcvns/<pk>/reassess/": lambda _: REASON,
    "api/v1/tcvns/<pk>/reissue/": lambda _: REASON,
    "api/v1/tcvns/<pk>/resume/": lambda _: REASON,
    "api/v1/tcvns/<pk>/suspend/": lambda _: REASON | {"from_at": "2026-03-16T10:00:00Z"},
    "api/v1/tcvns/<pk>/end/": lambda _: REASON | {"from_at": "2026-03-16T10:00:00Z"},
    "applications/tcvns/<int:pk>/at-the-site/": lambda _: {
        **LIMITATION,
        "what": "limitation",
        "file": ContentFile(TEST_SHEET, "test.csv"),
    },
    "api/v1/tcvns/<pk>/limitation/": lambda _: {
        **LIMITATION,
        "file": {"name": "test.csv", "content": b64encode(TEST_SHEET).decode()},
    },
    "api/v1/tcvns/<pk>/set-back/": lambda _: {
        "set_back_by": "A. Fitter",
        "set_back_on": "2026-03-02",
    },
    "api/v1/tcvns/<pk>/supplier-notices/": lambda _: {
        "supplier": "Green Supply",
        "told_on": "2026-03-01",
    },
    "applications/tcvns/<int:pk>/decline/": lambda _: REASON,
    "api/v1/tcvns/<pk>/decline/": lambda _: REASON,
    "dso/connections/tcvn/<int:pk>/reissue/step/": lambda _: REASON,
    "dso/connections/tcvn/<int:pk>/reassess/step/": lambda _: REASON,
    "applications/tcvns/<int:pk>/vary/": _variation,
    "api/v1/tcvns/<pk>/vary/": _variation,
    "api/v1/tcvns/<pk>/start-variation/": _variation,
    "dso/connections/tcvn/<int:pk>/vary/step/": _variation,
    "dso/connections/tcvn/<int:pk>/resume/step/": lambda _: REASON,
    "dso/connections/tcvn/<int:pk>/suspend/step/": lambda _: (
        REASON | {"from_at": "2026-03-16T10:00"}
    ),
    "dso/connections/noticetemplate/add/": lambda _: {
        "buyer_clauses": "Up to {kw}.",
        "seller_clauses": "Kept for {buyer}.",
    },
    "dso/connections/noticepolicy/add/": lambda _: {
        "sign_within_days": 10,
        "end_notice_days": 20,
    },
    "dso/connections/tcvn/<int:pk>/end/step/": lambda _: REASON | {"from_at": "2026-03-16T10:00"},
    "dso/connections/signatory/add/": lambda o: {
        "site": o["site"],
        "email": f"administrator-{o['home']}@example.org",
    },
    "dso/connections/signatory/": lambda o: {
        "action": "verify",
        "_selected_action": [o["signatory"]],
    },
    "dso/core/outboxmessage/": lambda o: {
        "action": "send_again",
        "_selected_action": [o["dead letter"]],
    },
    "dso/connections/site/<path:object_id>/change/": lambda _: {
        "network_bus": "End 2",
        **_inline("assets", "mpans", "signatories"),
    },
    "dso/connections/site/<int:pk>/close/": lambda _: {
        "from_at": "2027-06-01T00:00",
        "reason": "The mill is pulled down.",
    },
    "dso/connections/site/<int:pk>/change-tenancy/": _tenancy,
    "dso/connections/tenancychange/<int:pk>/cancel/step/": lambda _: REASON,
    "dso/connections/tenancypolicy/add/": lambda _: {"notices": "TRANSFER"},
    "dso/connections/registerhook/add/": lambda _: {
        "name": "Billing",
        "url": "https://billing.example/register",
    },
    "dso/connections/capacitystatement/": lambda o: {
        "action": "rerun",
        "_selected_action": [o["statement"]],
    },
    "dso/connections/registerhook/": lambda o: {
        "action": "stop",
        "_selected_action": [o["hook"]],
    },
    "dso/connections/agreement/add/": lambda o: {
        "site": o["site"],
        "reference": "CA-new",
        "kind": "CONVENTIONAL",
        "voltage_kv": "0.4",
        "mec_kva": "100",
        "import_power_factor": "1",
        "export_power_factor": "1",
        "max_installed_kva": "300",
        "starts_at": "2026-03-03T00:00",
    },
    "dso/connections/area/add/": lambda _: {"name": "Vale", "kind": "PRIMARY", "nation": "WLS"},
    "dso/connections/area/<path:object_id>/change/": lambda _: {
        "name": "Primary",
        "kind": "PRIMARY",
        "nation": "ENG",
        "tradable": "on",
        "studied": "on",
    },
    "dso/sites/import/": lambda o: {"file": ContentFile(o["site csv"], "sites.csv")},
    "dso/sites/import/<int:file_id>/": lambda o: {"digest": preview(o["site csv"]).digest},
    "api/v1/sites/file/": lambda o: {"csv": o["site csv"].decode()},
    "dso/connections/steptargets/add/": lambda _: dict.fromkeys(DAYS, 3),
    "dso/psa/forecastversion/planning/": lambda o: {
        "area": o["area"],
        "first_date": "2026-03-16",
        "last_date": "2026-03-16",
        "cases": ["CENTRAL"],
    },
    "dso/psa/forecastversion/add/": lambda o: {
        "area": o["area"],
        "kind": "OPERATIONAL",
        "case": "CENTRAL",
        "source": "test",
        "file": ContentFile(b"point,starts_at,net_kw", "forecast.csv"),
    },
    "dso/psa/networkmodel/<int:model_id>/map/": lambda o: {f"site_{o['site']}": "End 1"},
    "dso/psa/networkmodel/<int:model_id>/accept/": lambda _: REASON | {"digest": digest([WARNING])},
    "dso/psa/networkevent/add/": lambda o: {
        "area": o["area"],
        "element": "line Line 1",
        "state": "out",
        "starts_at": "2026-03-16T08:00",
        "ends_at": "2026-03-18T16:30",
    },
    "dso/psa/areaheadroom/<int:area_id>/publish/": lambda _: {"published": "yes"},
    "dso/psa/networkmodel/add/": lambda o: {
        "area": o["area"],
        "name": "Lane",
        "file": ContentFile(b"{}", "lane.json"),
    },
    "dso/nmf/marketparameters/add/": lambda _: {
        **GATES,
        "decision_hours": 240,
        "shortest_half_hours": 1,
        "longest_days": 366,
        "smallest_kw": 1,
        "step_kw": 1,
        "price_cap_gbp_per_kwh": 1,
    },
    "dso/nmf/commitment/add/": lambda o: {
        "site": o["site"],
        "service": "SUSTAIN",
        "starts_at": "2026-04-01T10:00",
        "ends_at": "2026-04-01T12:00",
    },
    "dso/wsc/policy/add/": lambda o: {
        "area": o["area"],
        "mode": "AUTOMATIC",
        "area_rule": "SEQUENTIAL",
        "clearing_times": "10:00",
        "required_bases": ["rights_used"],
        "loading_fail_percent": 100,
        "loading_warn_percent": 95,
        "emergency_percent": 100,
    },
    "dso/participants/organisation/add/": lambda _: {
        "name": "Weir trust two",
        "kind": "PEER",
        **_inline("memberships"),
    },
    "dso/participants/membership/add/": lambda o: {
        "organisation": o["home"],
        "user": o["newcomer"],
        "role": "VIEWER",
    },
    "dso/participants/membership/<path:object_id>/delete/": lambda _: {"post": "yes"},
    "dso/participants/termsdocument/add/": lambda _: {"kind": "PLATFORM", "text": "Terms."},
}
