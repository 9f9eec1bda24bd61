"""Areas, sites, agreements, registrations and TCVNs in the DSO's portal, a module each room."""

from connections.admin.notices import NoticePolicyAdmin, NoticeTemplateAdmin
from connections.admin.p2p import P2pAgreementAdmin, P2pTemplateAdmin
from connections.admin.register import CapacityStatementAdmin, RegisterHookAdmin
from connections.admin.registrations import RegistrationAdmin
from connections.admin.signatories import SignatoryAdmin
from connections.admin.sites import AgreementAdmin, AreaAdmin, SiteAdmin
from connections.admin.stepped import Step, SteppedAdmin
from connections.admin.targets import StepTargetsAdmin
from connections.admin.tcvns import TcvnAdmin
from connections.admin.tenancies import TenancyAdmin, TenancyChangeAdmin, TenancyPolicyAdmin

__all__ = [
    "AgreementAdmin",
    "AreaAdmin",
    "CapacityStatementAdmin",
    "NoticePolicyAdmin",
    "NoticeTemplateAdmin",
    "P2pAgreementAdmin",
    "P2pTemplateAdmin",
    "RegisterHookAdmin",
    "RegistrationAdmin",
    "SignatoryAdmin",
    "SiteAdmin",
    "Step",
    "StepTargetsAdmin",
    "SteppedAdmin",
    "TcvnAdmin",
    "TenancyAdmin",
    "TenancyChangeAdmin",
    "TenancyPolicyAdmin",
]
