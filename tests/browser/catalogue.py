"""Every page of the site: who looks at it, and which rows show its states.

A route that is neither here nor among those without a page fails ``test_pages``. Rows are found by
SQL in the database of the product under test, so the same catalogue serves any laid market.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver

from connections.admin import SteppedAdmin
from trial.people import BILLING, ENGINEER, MANAGER

TRADER = "trader@community-energy-group.example"
ADMINISTRATOR = "administrator@community-energy-group.example"
NOBODY = ""
WITH_SECOND_FACTOR = "viewer@wind-co-operative.example"  # the test sets one up for this person
BY_ROW = "by row"


@dataclass(frozen=True)
class Page:
    """A route that answers with HTML.

    ``rows`` is SQL: each row gives the route's arguments and makes a page. With ``BY_ROW`` its
    first column is the e-mail address of who looks. ``or_403``: a form of the portal that may be
    nobody's; the page that says so is looked at once.
    """

    who: str
    rows: str = ""
    query: str = ""
    status: int = 200
    or_403: bool = False


def _trader_of(table: str) -> str:
    return (
        "'trader@' || (SELECT replace(lower(name), ' ', '-') FROM participants_organisation "
        f"WHERE id = {table}.organisation_id) || '.example'"
    )


def _known(email: str) -> str:
    """Leave out whom another test has signed up, with a password of their own."""
    return f"EXISTS (SELECT 1 FROM participants_user WHERE email = {email})"


SITE_TRADER = _trader_of("site")
EACH_CONTRACT = f"""
    SELECT DISTINCT ON (contract.state, contract.at_risk_since IS NULL) {SITE_TRADER}, contract.id
    FROM nmf_contract contract JOIN connections_site site ON site.id = contract.buyer_site_id
    WHERE {_known(SITE_TRADER)}
    ORDER BY contract.state, contract.at_risk_since IS NULL, contract.id DESC"""
EACH_REQUEST = f"""
    SELECT DISTINCT ON (state, side, route) {_trader_of("request")}, id
    FROM nmf_request request WHERE {_known(_trader_of("request"))}
    ORDER BY state, side, route, id DESC"""
EACH_ANSWER = f"""
    SELECT DISTINCT ON (response.state) {_trader_of("response")}, response.request_id
    FROM nmf_response response WHERE {_known(_trader_of("response"))}
    ORDER BY response.state, response.id DESC"""
EACH_APPLICATION = f"""
    SELECT DISTINCT ON (row.state) {SITE_TRADER}, row.id
    FROM {{table}} row JOIN connections_site site ON site.id = row.site_id
    WHERE {_known(SITE_TRADER)}
    ORDER BY row.state, row.id DESC"""
A_DRAFT = f"""
    SELECT {_trader_of("row")}, row.id FROM connections_registration row
    WHERE row.state = 'DRAFT' AND {_known(_trader_of("row"))} ORDER BY row.id DESC LIMIT 1"""
EACH_REGISTRATION = f"""
    SELECT DISTINCT ON (row.state) {_trader_of("row")}, row.id
    FROM connections_registration row WHERE {_known(_trader_of("row"))}
    ORDER BY row.state, row.id DESC"""
OWN = f"(SELECT id FROM participants_user WHERE email = '{ADMINISTRATOR}')"
A_PEER = "(SELECT organisation_id FROM participants_membership WHERE user_id = " + OWN + ")"

GUIDE = "/demo/guide/"  # in the demonstration only, so not among the tests' own routes

PAGES: dict[str, list[Page]] = {
    "nmf:home": [Page(TRADER), Page(ENGINEER)],
    "nmf:board": [Page(TRADER), Page(TRADER, query="?direction=IMPORT&min_kw=5000")],
    "nmf:headroom": [Page(TRADER)],
    "nmf:site-headroom": [
        Page(
            BY_ROW,
            f"SELECT {SITE_TRADER}, site.id FROM connections_site site WHERE {_known(SITE_TRADER)}"
            " ORDER BY site.id LIMIT 2",
        )
    ],
    "nmf:requests": [Page(TRADER), Page("trader@housing-association.example")],
    "nmf:new-request": [Page(TRADER)],
    "nmf:request": [
        Page(BY_ROW, EACH_REQUEST),
        Page(BY_ROW, EACH_ANSWER),
        Page(TRADER, "SELECT id FROM nmf_request WHERE state = 'OPEN' AND route = 'POOL'"),
        Page(TRADER, "SELECT 999999", status=404),
    ],
    "nmf:request-published": [Page(BY_ROW, EACH_REQUEST + " LIMIT 1")],
    "nmf:contracts": [Page(TRADER), Page(TRADER, query="?state=LAPSED")],
    "nmf:contract": [Page(BY_ROW, EACH_CONTRACT)],
    "connections:sites": [Page(TRADER), Page(BILLING)],
    "connections:new-registration": [Page(ADMINISTRATOR)],
    **{
        f"connections:registration-{page}": [Page(BY_ROW, A_DRAFT)]
        for page in ("site", "assets", "capacity", "times", "documents", "submit")
    },
    "connections:site": [
        Page(ADMINISTRATOR, f"SELECT id FROM connections_site WHERE organisation_id = {A_PEER}")
    ],
    "connections:register": [
        Page(ADMINISTRATOR, f"SELECT id FROM connections_site WHERE organisation_id = {A_PEER}"),
        Page(
            ADMINISTRATOR,
            f"SELECT id FROM connections_site WHERE organisation_id = {A_PEER}",
            query="?as_of=2019-01-01T00:00&first=2020-03-29&last=2020-03-29",
        ),
        Page(ENGINEER, "SELECT min(id) FROM connections_site"),
    ],
    "connections:applications": [Page(ADMINISTRATOR), Page(ENGINEER)],
    "connections:registration": [Page(BY_ROW, EACH_REGISTRATION)],
    "connections:tcvn": [Page(BY_ROW, EACH_APPLICATION.format(table="connections_tcvn"))],
    "connections:p2p-agreement": [
        Page(BY_ROW, EACH_APPLICATION.format(table="connections_p2pagreement"))
    ],
    "connections:tcvn-measures": [Page(BY_ROW, EACH_APPLICATION.format(table="connections_tcvn"))],
    "connections:vary-tcvn": [
        Page(
            BY_ROW,
            EACH_APPLICATION.format(table="connections_tcvn").replace(
                "WHERE", "WHERE row.state IN ('IN_FORCE', 'SUSPENDED') AND row.role = 'BUYER' AND"
            ),
        )
    ],
    "connections:new-tcvn": [Page(ADMINISTRATOR)],
    "connections:change-tcvn": [
        Page(
            BY_ROW,
            f"SELECT {SITE_TRADER}, row.id FROM connections_tcvn row"
            " JOIN connections_site site ON site.id = row.site_id"
            f" WHERE row.state = 'DRAFT' AND row.role = 'BUYER' AND {_known(SITE_TRADER)} LIMIT 1",
        )
    ],
    "participants:organisation": [Page(ADMINISTRATOR), Page(TRADER), Page(ENGINEER)],
    "participants:tokens": [Page(TRADER)],
    "participants:terms": [Page(NOBODY)],
    "participants:notices": [Page(TRADER), Page(TRADER, query="?unread=1"), Page(ENGINEER)],
    "participants:notice": [
        Page(
            ADMINISTRATOR, f"SELECT id FROM participants_notice WHERE recipient_id = {OWN} LIMIT 1"
        )
    ],
    "participants:preferences": [Page(TRADER)],
    "participants:mail-list": [Page(NOBODY), Page(NOBODY, query="?to=nobody@nowhere.example")],
    "account_login": [Page(NOBODY)],
    "account_logout": [Page(TRADER)],
    "account_inactive": [Page(NOBODY)],
    "account_signup": [Page(NOBODY)],
    "account_reauthenticate": [Page(TRADER)],
    "account_email": [Page(TRADER)],
    "account_email_verification_sent": [Page(NOBODY)],
    "account_confirm_email": [Page(NOBODY, "SELECT 'no-such-key'")],
    "account_change_password": [Page(TRADER)],
    "account_reset_password": [Page(NOBODY)],
    "account_reset_password_done": [Page(NOBODY)],
    "account_reset_password_from_key": [Page(NOBODY, "SELECT 'x', 'y-z'")],
    "account_reset_password_from_key_done": [Page(NOBODY)],
    "mfa_index": [Page(TRADER)],
    "mfa_activate_totp": [Page(TRADER)],
    "usersessions_list": [Page(TRADER)],
    "api-docs": [Page(NOBODY)],
    "mfa_reauthenticate": [Page(WITH_SECOND_FACTOR)],
    "mfa_deactivate_totp": [Page(WITH_SECOND_FACTOR)],
    "mfa_view_recovery_codes": [Page(WITH_SECOND_FACTOR)],
    "mfa_generate_recovery_codes": [Page(WITH_SECOND_FACTOR)],
    "admin:index": [Page(ENGINEER), Page(MANAGER)],
    "admin:app_list": [Page(ENGINEER, "SELECT 'wsc'")],
    "admin:wsc_review_change": [
        Page(ENGINEER, "SELECT DISTINCT ON (state) id FROM wsc_review ORDER BY state, id DESC")
    ],
    "admin:connections_tcvn_change": [
        Page(ENGINEER, "SELECT DISTINCT ON (state) id FROM connections_tcvn ORDER BY state, id")
    ],
    "admin:connections_p2pagreement_change": [
        Page(
            ENGINEER,
            "SELECT DISTINCT ON (state) id FROM connections_p2pagreement ORDER BY state, id",
        )
    ],
    "admin:psa_forecastversion_planning": [Page(MANAGER)],
    "admin:psa_study_change": [
        Page(
            ENGINEER, "SELECT DISTINCT ON (state, kind) id FROM psa_study ORDER BY state, kind, id"
        )
    ],
    "admin:applications": [Page(ENGINEER), Page(ENGINEER, query="?late=on&sort=-age")],
    "admin:site_import": [Page(ENGINEER)],
    "admin:roles": [Page(ENGINEER)],
    "admin:area_states": [Page(ENGINEER)],
    "admin:connections_site_change_tenancy": [
        Page(ENGINEER, "SELECT min(id) FROM connections_site")
    ],
    "admin:connections_site_close": [Page(ENGINEER, "SELECT min(id) FROM connections_site")],
    "admin:area_state": [
        Page(ENGINEER, "SELECT id FROM connections_area WHERE studied ORDER BY id LIMIT 1")
    ],
    "admin:psa_study_what_if": [
        Page(ENGINEER),
        Page(ENGINEER, query="?study=1"),
    ],
}
# Routes that answer GET with something else than a page, and why.
POST_ONLY = "takes POST only"
NO_PAGE = {
    "nmf:respond": POST_ONLY,
    "nmf:ask-to-respond": POST_ONLY,
    "nmf:cancel-request": POST_ONLY,
    "nmf:reject-request": POST_ONLY,
    "nmf:accept-response": POST_ONLY,
    "nmf:ask-to-accept": POST_ONLY,
    "nmf:reject-response": POST_ONLY,
    "nmf:cancel-response": POST_ONLY,
    "nmf:propose-cancellation": POST_ONLY,
    "nmf:confirm-cancellation": POST_ONLY,
    "nmf:withdraw-cancellation": POST_ONLY,
    "connections:write-to-registration": POST_ONLY,
    "connections:write-to-tcvn": POST_ONLY,
    "connections:invite-preparer": POST_ONLY,
    "connections:accept-preparing": POST_ONLY,
    "connections:end-preparing": POST_ONLY,
    "connections:remove-document": POST_ONLY,
    "connections:document": "a file",
    "admin:connections_tcvn_notice_txt": "a file",
    "admin:connections_tenancychange_evidence": "a file",
    "admin:connections_tcvn_notice_pdf": "a file",
    "admin:site_file": "shown after a file came: looked at by its own test",
    "connections:submit-tcvn": POST_ONLY,
    "connections:withdraw-tcvn": POST_ONLY,
    "connections:execute-tcvn": POST_ONLY,
    "connections:decline-tcvn": POST_ONLY,
    "connections:notice-pdf": "a file",
    "connections:execute-p2p-agreement": POST_ONLY,
    "connections:decline-p2p-agreement": POST_ONLY,
    "connections:end-p2p-agreement": POST_ONLY,
    "connections:p2p-text": "a file",
    "connections:p2p-pdf": "a file",
    "connections:p2p-calendar": "a file",
    "admin:connections_p2pagreement_notice_txt": "a file",
    "admin:connections_p2pagreement_notice_pdf": "a file",
    "connections:tcvn-calendar": "a file",
    "participants:switch": POST_ONLY,
    "participants:settings": POST_ONLY,
    "participants:invite": POST_ONLY,
    "participants:accept-invitation": POST_ONLY,
    "participants:withdraw-invitation": POST_ONLY,
    "participants:change-role": POST_ONLY,
    "participants:remove-member": POST_ONLY,
    "participants:accept-terms": POST_ONLY,
    "participants:revoke-token": POST_ONLY,
    "participants:mark-read": POST_ONLY,
    "livez": "plain text",
    "readyz": "plain text",
    "connections:register-csv": "a file",
    "connections:statement": "a file",
    "connections:notice": "a file",
    "api-schema": "JSON",
    "account_confirm_login_code": "within log-in by code, which is not offered",
    "account_set_password": "goes to the change of password: nobody is without one",
    "participants:mail": "looked at by its link",
    "mfa_authenticate": "looked at within log-in",
    "mfa_download_recovery_codes": "a file",
    "admin:login": "goes to the one sign-in page",
    "admin:logout": POST_ONLY,
    "admin:password_change": "goes to the site's own change of password",
    "admin:password_change_done": "goes to the site's own change of password",
    "admin:autocomplete": "JSON",
    "admin:jsi18n": "a script",
    "admin:view_on_site": "goes elsewhere: no model has a page of its own",
    "admin:wsc_review_approve": POST_ONLY,
    "admin:wsc_review_reject": POST_ONLY,
    "admin:wsc_review_cancel": POST_ONLY,
    "admin:wsc_review_study_again": POST_ONLY,
    "admin:psa_areaheadroom_publish": POST_ONLY,
    "admin:psa_networkmodel_publish": POST_ONLY,
    "admin:psa_networkmodel_withdraw": POST_ONLY,
    "admin:psa_networkmodel_map": POST_ONLY,
    "admin:psa_networkmodel_accept": POST_ONLY,
    "admin:psa_networkevent_withdraw": POST_ONLY,
    "admin:study_on_model": POST_ONLY,
    "admin:psa_study_receipt": "a file",
    "admin:psa_forecastversion_template": "a file",
    "admin:psa_forecastversion_faults": "a file",
    "admin:psa_forecastversion_upload": "shown after a file came: looked at by its own test",
    "admin:psa_study_picture": POST_ONLY,
    "admin:psa_study_snapshot": "JSON",
    "admin:psa_study_facts": "JSON",
    "admin:psa_study_pdf": "a file",
    "admin:psa_study_values": "a file",
    "dso/(?P<url>.*)$": "the 404 of the portal",
}


def routes() -> dict[str, URLPattern]:
    """Return every route of the site but the API's, by its view's name or, unnamed, its pattern."""
    return dict(_walk(get_resolver(), "", ""))


def _walk(resolver: URLResolver, path: str, names: str) -> Iterator[tuple[str, URLPattern]]:
    for each in resolver.url_patterns:
        pattern = path + str(each.pattern).removeprefix("^")
        if not getattr(each, "name", "") and pattern.endswith("<path:object_id>/"):
            continue  # the admin's old addresses, which go to the new ones
        if isinstance(each, URLResolver):
            yield from _walk(
                each, pattern, names + (f"{each.namespace}:" if each.namespace else "")
            )
        elif not pattern.startswith("api/v1/") or each.name in {"api-docs", "api-schema"}:
            yield (names + each.name if each.name else pattern), each


def pages() -> dict[str, list[Page]]:
    """Return the pages above and those of every model in the portal."""
    found = dict(PAGES)
    for model, model_admin in admin.site._registry.items():
        options = model._meta
        name = f"admin:{options.app_label}_{options.model_name}"
        key = options.pk.column
        row = f"SELECT {key} FROM {options.db_table} ORDER BY {key} LIMIT 1"
        found.setdefault(f"{name}_changelist", [Page(ENGINEER)])
        found.setdefault(f"{name}_change", [Page(ENGINEER, row)])
        found.setdefault(f"{name}_history", [Page(ENGINEER, row)])
        found.setdefault(f"{name}_add", [Page(MANAGER, or_403=True)])
        found.setdefault(f"{name}_delete", [Page(MANAGER, row, or_403=True)])
        if isinstance(model_admin, SteppedAdmin):
            pattern = f"dso/{options.app_label}/{options.model_name}/<int:pk>/<slug:move>/step/"
            found[pattern] = [
                Page(
                    ENGINEER,
                    f"SELECT id, '{move}' FROM {options.db_table} "
                    f"WHERE state IN ({_sources(model_admin, move)}) ORDER BY id LIMIT 1",
                )
                for move in model_admin.steps
            ]
    return found


def _sources(model_admin: SteppedAdmin, move: str) -> str:
    states = model_admin.steps[move].states
    sources = model_admin.machine.moves[move].sources if states is None else states
    return ", ".join(f"'{state}'" for state in sorted(sources))
