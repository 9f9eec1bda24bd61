"""Directions of power, and the lives of registrations, TCVNs and allocations."""

from __future__ import annotations

from django.db import models

from core.states import Machine


class Direction(models.TextChoices):
    IMPORT = "IMPORT", "Import"
    EXPORT = "EXPORT", "Export"


class Role(models.TextChoices):
    SOLD = "SOLD", "Sold"
    BOUGHT = "BOUGHT", "Bought"


class AreaKind(models.TextChoices):
    GSP = "GSP", "Grid supply point"
    BSP = "BSP", "Bulk supply point"
    PRIMARY = "PRIMARY", "Primary substation"


class Technology(models.TextChoices):
    SOLAR = "SOLAR", "Solar"
    HYDRO = "HYDRO", "Hydro"
    WIND = "WIND", "Wind"
    BATTERY = "BATTERY", "Battery"
    CHP = "CHP", "Combined heat and power"
    DEMAND = "DEMAND", "Demand"
    EV_CHARGING = "EV_CHARGING", "EV charging"
    HEAT_PUMP = "HEAT_PUMP", "Heat pump"


class AgreementKind(models.TextChoices):
    CONVENTIONAL = "CONVENTIONAL", "Conventional"
    P2P_SPECIFIC = "P2P_SPECIFIC", "P2P-specific"


class AllocationState(models.TextChoices):
    HELD = "HELD", "Held"
    FIRM = "FIRM", "Firm"
    RELEASED = "RELEASED", "Released"


ALLOCATION_MACHINE = Machine(
    "connections.allocation",
    {
        "confirm": ([AllocationState.HELD], AllocationState.FIRM),
        "release": ([AllocationState.HELD, AllocationState.FIRM], AllocationState.RELEASED),
    },
)


class RegistrationState(models.TextChoices):
    """Steps 1 and 2 of Table 2."""

    DRAFT = "DRAFT", "Being written"
    SUBMITTED = "SUBMITTED", "With the DSO for review"
    RETURNED = "RETURNED", "Returned for information"
    APPROVED = "APPROVED", "Outline approval given"
    REFUSED = "REFUSED", "Refused"
    CLOSED = "CLOSED", "Closed: the site changed hands"


_WITH_NO_ANSWER = [
    RegistrationState.DRAFT,
    RegistrationState.SUBMITTED,
    RegistrationState.RETURNED,
]
REGISTRATION_MACHINE = Machine(
    "connections.registration",
    {
        "submit": (
            [RegistrationState.DRAFT, RegistrationState.RETURNED],
            RegistrationState.SUBMITTED,
        ),
        "return": ([RegistrationState.SUBMITTED], RegistrationState.RETURNED),
        "approve": ([RegistrationState.SUBMITTED], RegistrationState.APPROVED),
        "refuse": ([RegistrationState.SUBMITTED], RegistrationState.REFUSED),
        "close": (_WITH_NO_ANSWER, RegistrationState.CLOSED),
    },
)
CLOSED_REGISTRATION = REGISTRATION_MACHINE.final - {RegistrationState.APPROVED}


class Nation(models.TextChoices):
    """Whose bank holidays count. The values are those of the package ``holidays``."""

    ENGLAND = "ENG", "England"
    WALES = "WLS", "Wales"
    SCOTLAND = "SCT", "Scotland"


class Owner(models.TextChoices):
    """With whom an application is, and so who is waited for."""

    PARTICIPANT = "PARTICIPANT", "Participant"
    DSO = "DSO", "Network operator"


class TurnKind(models.TextChoices):
    """What is waited for."""

    DRAFT = "DRAFT", "Registration being written"
    REVIEW = "REVIEW", "Review of the registration"
    ANSWER = "ANSWER", "Answer to a question"
    REQUEST = "REQUEST", "Request being written"
    TAKE_UP = "TAKE_UP", "Request to be taken up"
    ASSESS = "ASSESS", "Technical assessment"
    AGREE_CONDITION = "AGREE_CONDITION", "Sellers asked to lower theirs"
    SIGN_BY_SELLERS = "SIGN_BY_SELLERS", "Sellers' signatures"
    ISSUE = "ISSUE", "Notice to be issued"
    SIGN = "SIGN", "Participant's signature"
    COUNTERSIGN = "COUNTERSIGN", "Countersignature"
    SIGN_OFFER = "SIGN_OFFER", "Signature of a P2P-specific agreement"
    COUNTERSIGN_OFFER = "COUNTERSIGN_OFFER", "Countersignature of a P2P-specific agreement"


class CheckItem(models.TextChoices):
    """What the operator checks of a registration before outline approval."""

    TRIAL_AREA = "TRIAL_AREA", "Inside the trial area"
    AGREEMENT = "AGREEMENT", "Agreement matches the imported register"
    SIGNATORY = "SIGNATORY", "Signatory verified"


class TcvnRole(models.TextChoices):
    """A buyer's notice raises the ceiling. A seller's earmarks capacity for a named buyer."""

    BUYER = "BUYER", "Buyer: capacity is raised"
    SELLER = "SELLER", "Seller: capacity is earmarked"


class TcvnState(models.TextChoices):
    """Steps 3 to 7 of Table 2."""

    DRAFT = "DRAFT", "Being written"
    REQUESTED = "REQUESTED", "Submitted"
    ASSESSING = "ASSESSING", "Technical assessment"
    SUPPORTED = "SUPPORTED", "Supported"
    CONDITIONAL = "CONDITIONAL", "Supported if named sellers lower theirs"
    REFUSED = "REFUSED", "Refused"
    ISSUED = "ISSUED", "Notice issued, waits for the signatory"
    EXECUTED = "EXECUTED", "Signed, waits for the DSO's countersignature"
    IN_FORCE = "IN_FORCE", "In force"
    SUSPENDED = "SUSPENDED", "Suspended"
    WITHDRAWN = "WITHDRAWN", "Withdrawn"
    DECLINED = "DECLINED", "Declined by the seller"
    LAPSED = "LAPSED", "Lapsed: not signed in time"
    VARIED = "VARIED", "Varied: another notice took its place"
    ENDED = "ENDED", "Ended"


class PdfStage(models.TextChoices):
    """Of which moment a notice's PDF is."""

    ISSUED = "ISSUED", "As issued"
    IN_FORCE = "IN_FORCE", "In force, with its signatures"


_ANSWERED = [TcvnState.SUPPORTED, TcvnState.CONDITIONAL]
_WITH_NOTICE = [TcvnState.ISSUED, TcvnState.EXECUTED]
_WITH_ANSWER = [*_ANSWERED, *_WITH_NOTICE]
_UNDER_STUDY = [TcvnState.REQUESTED, TcvnState.ASSESSING]
_BEFORE_FORCE = [TcvnState.DRAFT, *_UNDER_STUDY, *_WITH_ANSWER]
_COUNTERSIGNED = [TcvnState.IN_FORCE, TcvnState.SUSPENDED]
TCVN_MACHINE = Machine(
    "connections.tcvn",
    {
        "submit": ([TcvnState.DRAFT], TcvnState.REQUESTED),
        "start_assessment": ([TcvnState.REQUESTED], TcvnState.ASSESSING),
        "support": ([TcvnState.ASSESSING], TcvnState.SUPPORTED),
        "support_conditionally": ([TcvnState.ASSESSING], TcvnState.CONDITIONAL),
        "refuse": (_UNDER_STUDY, TcvnState.REFUSED),
        "reassess": (_WITH_ANSWER, TcvnState.ASSESSING),
        "issue": (_ANSWERED, TcvnState.ISSUED),
        "reissue": (_WITH_NOTICE, TcvnState.ISSUED),
        "execute": ([TcvnState.ISSUED], TcvnState.EXECUTED),
        "countersign": ([TcvnState.EXECUTED], TcvnState.IN_FORCE),
        "withdraw": (_BEFORE_FORCE, TcvnState.WITHDRAWN),
        "decline": (_BEFORE_FORCE, TcvnState.DECLINED),
        "lapse": ([TcvnState.ISSUED], TcvnState.LAPSED),
        "suspend": ([TcvnState.IN_FORCE, TcvnState.ENDED], TcvnState.SUSPENDED),
        "resume": ([TcvnState.SUSPENDED], TcvnState.IN_FORCE),
        "vary": (_COUNTERSIGNED, TcvnState.VARIED),
        "end": ([*_COUNTERSIGNED, TcvnState.ENDED], TcvnState.ENDED),
    },
)
OPEN_TCVN = frozenset(_BEFORE_FORCE)  # on its way to force
COUNTERSIGNED_TCVN = frozenset(_COUNTERSIGNED)
NOTICE_IN_USE = frozenset([*_WITH_NOTICE, *_COUNTERSIGNED])
CLOSED_TCVN = TCVN_MACHINE.final | {TcvnState.ENDED}  # which may count until its half-hour


class P2pAgreementState(models.TextChoices):
    """From the operator's offer to its end. That its first half-hour has come is no state."""

    OFFERED = "OFFERED", "Offered, waits for the signatory"
    EXECUTED = "EXECUTED", "Signed, waits for the DSO's countersignature"
    AGREED = "AGREED", "Agreed"
    DECLINED = "DECLINED", "Declined"
    LAPSED = "LAPSED", "Not signed in time"
    WITHDRAWN = "WITHDRAWN", "Withdrawn by the DSO"
    ENDED = "ENDED", "Notice to end it given"


_OFFER_OPEN = [P2pAgreementState.OFFERED, P2pAgreementState.EXECUTED]
P2P_AGREEMENT_MACHINE = Machine(
    "connections.p2pagreement",
    {
        "reissue": (_OFFER_OPEN, P2pAgreementState.OFFERED),
        "withdraw": (_OFFER_OPEN, P2pAgreementState.WITHDRAWN),
        "execute": ([P2pAgreementState.OFFERED], P2pAgreementState.EXECUTED),
        "decline": (_OFFER_OPEN, P2pAgreementState.DECLINED),
        "lapse": ([P2pAgreementState.OFFERED], P2pAgreementState.LAPSED),
        "countersign": ([P2pAgreementState.EXECUTED], P2pAgreementState.AGREED),
        "end": ([P2pAgreementState.AGREED], P2pAgreementState.ENDED),
    },
)


class TenancyRule(models.TextChoices):
    """What becomes of the notices of a site that passes to another organisation."""

    END = "END", "They end at the change"
    TRANSFER = "TRANSFER", "They end, and are offered anew to who comes, to sign until then"


class TenancyState(models.TextChoices):
    AGREED = "AGREED", "Recorded, to come"
    DONE = "DONE", "Done"
    CANCELLED = "CANCELLED", "Cancelled"


TENANCY_MACHINE = Machine(
    "connections.tenancychange",
    {
        "apply": ([TenancyState.AGREED], TenancyState.DONE),
        "cancel": ([TenancyState.AGREED], TenancyState.CANCELLED),
    },
)
