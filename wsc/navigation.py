"""The portal's navigation: where engineers go, in groups."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

GROUPS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        "Trades",
        (
            ("Reviews", "admin:wsc_review_changelist"),
            ("Contracts", "admin:nmf_contract_changelist"),
        ),
    ),
    (
        "Connections",
        (
            ("Applications", "admin:applications"),
            ("Registrations", "admin:connections_registration_changelist"),
            ("TCVNs", "admin:connections_tcvn_changelist"),
            ("P2P-specific agreements", "admin:connections_p2pagreement_changelist"),
            ("Sites", "admin:connections_site_changelist"),
            ("Import sites", "admin:site_import"),
            ("Changes of tenancy", "admin:connections_tenancychange_changelist"),
        ),
    ),
    (
        "Network",
        (
            ("Networks", "admin:psa_networkmodel_changelist"),
            ("Outages", "admin:psa_networkevent_changelist"),
            ("Forecasts", "admin:psa_forecastversion_changelist"),
            ("Studies", "admin:psa_study_changelist"),
            ("Areas", "admin:area_states"),
        ),
    ),
    (
        "Rules",
        (
            ("Decision policies", "admin:wsc_policy_changelist"),
            ("Step targets", "admin:connections_steptargets_changelist"),
            ("Notice templates", "admin:connections_noticetemplate_changelist"),
            ("P2P templates", "admin:connections_p2ptemplate_changelist"),
            ("Signing", "admin:connections_noticepolicy_changelist"),
            ("Tenancy policy", "admin:connections_tenancypolicy_changelist"),
            ("Roles", "admin:roles"),
        ),
    ),
    ("Record", (("Journal", "admin:core_event_changelist"),)),
)


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    address: str
    current: bool


@dataclass(frozen=True, slots=True)
class Group:
    label: str
    links: list[Link]

    @property
    def current(self) -> bool:
        return any(link.current for link in self.links)


def groups_at(path: str) -> list[Group]:
    """Return the groups; of the links that an address begins with the longest is current."""
    found = [(group, label, reverse(name)) for group, links in GROUPS for label, name in links]
    here = max((each for _, _, each in found if path.startswith(each)), key=len, default="")
    return [
        Group(
            group,
            [Link(label, address, address == here) for of, label, address in found if of == group],
        )
        for group, _ in GROUPS
    ]
