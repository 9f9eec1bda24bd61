"""Who may do what: the one table that the portal, the documentation and the tests read.

A person has one role in an organisation. Signing for a site and preparing an application are
given one by one, to a person, beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Who(StrEnum):
    """A column of the table. The words are for people."""

    VIEWER = "Viewer"
    BILLING = "Billing"
    TRADER = "Trader"
    ADMINISTRATOR = "Administrator"
    SIGNATORY = "Signatory, of a site"
    PREPARER = "Preparer, of an application"
    DSO_VIEWER = "DSO viewer"
    DSO_BILLING = "DSO billing"
    DSO_ENGINEER = "DSO engineer"
    DSO_MANAGER = "DSO manager"


DSO = {
    "VIEWER": Who.DSO_VIEWER,
    "BILLING": Who.DSO_BILLING,
    "ENGINEER": Who.DSO_ENGINEER,
    "MANAGER": Who.DSO_MANAGER,
}
PEER = {
    "VIEWER": Who.VIEWER,
    "BILLING": Who.BILLING,
    "TRADER": Who.TRADER,
    "ADMINISTRATOR": Who.ADMINISTRATOR,
}
_MEMBERS = (Who.VIEWER, Who.BILLING, Who.TRADER, Who.ADMINISTRATOR)
_TRADERS = (Who.TRADER, Who.ADMINISTRATOR)
_STAFF = (Who.DSO_ENGINEER, Who.DSO_MANAGER)


@dataclass(frozen=True, slots=True)
class Duty:
    """What is done, by whom, and the portal's permissions that go with it.

    A permission is "app.codename"; "app.*" is all of an app, "view:*" is every model's.
    """

    what: str
    who: tuple[Who, ...]
    permissions: tuple[str, ...] = ()


DUTIES = (
    Duty(
        "Read the capacity register, its changes and its statements: of one's own sites, or as "
        "the DSO of all",
        (*_MEMBERS, Who.DSO_VIEWER, Who.DSO_BILLING, *_STAFF),
    ),
    Duty(
        "Read requests, contracts, applications and their studies: one's own organisation's, or "
        "as the DSO all",
        (*_MEMBERS, Who.DSO_VIEWER, *_STAFF),
    ),
    Duty(
        "Read the registration that one prepares, and the TCVNs asked for under it",
        (*_MEMBERS, Who.PREPARER, Who.DSO_VIEWER, *_STAFF),
    ),
    Duty("Publish and answer requests, accept, cancel", _TRADERS),
    Duty(
        "Fill in registrations, TCVN requests and variations, attach documents, answer questions",
        (*_TRADERS, Who.PREPARER),
    ),
    Duty(
        "Hand in a registration, invite and end a preparer, withdraw a TCVN, decline a condition",
        _TRADERS,
    ),
    Duty("Submit a TCVN request, sign its notice", (Who.SIGNATORY,)),
    Duty(
        "Sign or decline a P2P-specific agreement that is offered, give notice to end it",
        (Who.SIGNATORY,),
    ),
    Duty(
        "Manage members, accept terms, change settings of one's own organisation",
        (Who.ADMINISTRATOR, Who.DSO_MANAGER),
    ),
    Duty("Read every table of the portal", _STAFF, ("view:*",)),
    Duty(
        "Review registrations, verify signatories",
        _STAFF,
        ("connections.review_registration",),
    ),
    Duty(
        "Assess TCVNs, issue and re-issue notices, vary them",
        _STAFF,
        ("connections.assess_tcvn",),
    ),
    Duty("Countersign, suspend, resume and end notices", _STAFF, ("connections.countersign_tcvn",)),
    Duty(
        "Offer a site a P2P-specific agreement, withdraw and re-issue it, countersign and end it",
        _STAFF,
        ("connections.offer_p2pagreement", "connections.countersign_p2pagreement"),
    ),
    Duty(
        "Enter, import and close sites and agreements",
        _STAFF,
        (
            "connections.add_site",
            "connections.change_site",
            "connections.add_agreement",
            "connections.change_agreement",
        ),
    ),
    Duty(
        "Record that a site passes to another organisation",
        _STAFF,
        ("connections.record_tenancychange",),
    ),
    Duty(
        "Make a month's capacity statements anew after a correction",
        _STAFF,
        ("connections.rerun_capacitystatement",),
    ),
    Duty("Enter contracts made outside the product", _STAFF, ("nmf.add_commitment",)),
    Duty(
        "Upload and publish network models, record outages, ask for studies",
        _STAFF,
        (
            "psa.add_networkmodel",
            "psa.publish_networkmodel",
            "psa.add_networkevent",
            "psa.request_study",
        ),
    ),
    Duty("Approve, reject and cancel contracts", _STAFF, ("wsc.decide_contract",)),
    Duty(
        "Publish policies, notice templates, terms, market parameters, targets, forecasts and "
        "headroom; manage organisations and the register's webhooks; send dead letters again",
        (Who.DSO_MANAGER,),
        (
            "core.change_outboxmessage",
            "connections.*",
            "nmf.*",
            "participants.*",
            "psa.*",
            "wsc.*",
        ),
    ),
)

# Django's permissions by role in the DSO, for participants.auth.
ROLE_PERMISSIONS: dict[str, list[str]] = {
    role: [each for duty in DUTIES if who in duty.who for each in duty.permissions]
    for role, who in DSO.items()
}

# Views of these packages are everybody's: who one is, one's organisation, how one signs in.
EVERYBODYS = frozenset({"allauth", "core", "django", "drf_spectacular", "participants"})
# All else that the DSO's billing opens, by view; whatever there is beside is a 404 to it.
BILLING_OPENS = frozenset(
    {
        "connections:register",
        "connections:register-csv",
        "connections:sites",
        "connections:statement",
        "nmf:home",
        "register-changes",
        "register-daily",
        "register-statement",
        "api-area-list",
        "api-area-detail",
        "api-site-list",
        "api-site-detail",
        "api-site-register",
        "api-site-register-csv",
        "api-statement-detail",
        "api-statement-file",
        "api-statement-list",
    }
)
