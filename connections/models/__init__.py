"""Areas, sites, agreements, registrations, TCVNs, and the allocations of the capacity register."""

from connections.models.agreements import Agreement
from connections.models.allocations import Allocation, AllocationSpan
from connections.models.applications import (
    Document,
    Message,
    Note,
    Preparer,
    ProposedSite,
    RegisteredAsset,
    ReviewCheck,
)
from connections.models.imports import SiteFile
from connections.models.measures import LimitationSetting, SupplierNotice
from connections.models.notices import (
    NoticeDocument,
    NoticePdf,
    NoticePolicy,
    NoticeTemplate,
    P2pTemplate,
)
from connections.models.p2p import P2pAgreement
from connections.models.register import CapacityStatement, RegisterChange, RegisterHook
from connections.models.registrations import Registration
from connections.models.sites import Area, Asset, Signatory, Site, SiteMpan
from connections.models.steps import StepTargets, Turn
from connections.models.tcvns import Tcvn, TcvnCondition, TcvnSpan
from connections.models.tenancies import Tenancy, TenancyChange, TenancyPolicy

__all__ = [
    "Agreement",
    "Allocation",
    "AllocationSpan",
    "Area",
    "Asset",
    "CapacityStatement",
    "Document",
    "LimitationSetting",
    "Message",
    "Note",
    "NoticeDocument",
    "NoticePdf",
    "NoticePolicy",
    "NoticeTemplate",
    "P2pAgreement",
    "P2pTemplate",
    "Preparer",
    "ProposedSite",
    "RegisterChange",
    "RegisterHook",
    "RegisteredAsset",
    "Registration",
    "ReviewCheck",
    "Signatory",
    "Site",
    "SiteFile",
    "SiteMpan",
    "StepTargets",
    "SupplierNotice",
    "Tcvn",
    "TcvnCondition",
    "TcvnSpan",
    "Tenancy",
    "TenancyChange",
    "TenancyPolicy",
    "Turn",
]
