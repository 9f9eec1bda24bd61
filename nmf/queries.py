"""Reads of the market that pages, API and admin share: who sees what, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Greatest

from connections import queries as connections
from connections.models import AllocationSpan, Area, Site
from connections.register.sweep import Stretch
from connections.tenancies import held_by
from core.journal import of_subjects
from core.models import Event
from core.money import contract_value_gbp
from core.periods import next_half_hour
from nmf.gates import Gate
from nmf.models import Commitment, Confirmation, Contract, MarketParameters, Request, Response
from nmf.states import ContractState, RequestState, ResponseState, Route
from participants.models import Organisation
from participants.queries import opted_in_ids
from participants.states import OrganisationKind
from psa.choices import Choice
from psa.models import Study
from psa.states import StudyKind, StudyState

LIVE = (ContractState.PENDING, ContractState.APPROVED)
UNDONE = (ContractState.REJECTED, ContractState.LAPSED)
RECENT = timedelta(days=14)
MOST_COMING = 10  # contracts on the home page
REQUEST_ROWS = (
    "organisation",
    "site__area",
    "site__organisation",
    "counterparty_site__organisation",
    "parameters",
)
CONTRACT_ROWS = (
    "buyer_site__organisation",
    "buyer_site__area",
    "seller_site__organisation",
    "seller_site__area",
    "request",
    "parameters",
    "cancel_proposed_by",
)


def current_parameters() -> MarketParameters | None:
    return MarketParameters.objects.order_by("-version").first()


def trading_areas_of(organisation: Organisation) -> set[int]:
    """Return the ids of the areas whose sites trade with an organisation's own."""
    parents: dict[int, int | None] = {}
    tradable: set[int] = set()
    own: set[int] = set()
    held = Exists(Site.objects.filter(area=OuterRef("pk"), organisation=organisation))
    rows = Area.objects.annotate(held=held)
    for pk, parent_id, trades, holds in rows.values_list("pk", "parent_id", "tradable", "held"):
        parents[pk] = parent_id
        if trades:
            tradable.add(pk)
        if holds:
            own.add(pk)

    def root_of(area_id: int | None) -> int | None:
        while area_id is not None and area_id not in tradable:
            area_id = parents[area_id]
        return area_id

    roots = {root_of(area_id) for area_id in own} - {None}
    return {area_id for area_id in parents if root_of(area_id) in roots}


def visible_requests(organisation: Organisation) -> QuerySet[Request]:
    """Return the requests that an organisation may see.

    Its own, those addressed to it, those it answered, and, once opted in, what is open in the pool
    of its trading areas. The DSO sees all.
    """
    rows = Request.objects.select_related(*REQUEST_ROWS)
    if organisation.kind == OrganisationKind.DSO:
        return rows
    seen = (
        Q(organisation=organisation)
        | held_by(organisation, site="counterparty_site", at="created_at")
        | Q(pk__in=Response.objects.filter(organisation=organisation).values("request_id"))
    )
    if organisation.pk in opted_in_ids():
        seen |= Q(
            route=Route.POOL,
            state=RequestState.OPEN,
            site__area_id__in=trading_areas_of(organisation),
        )
    return rows.filter(seen)


def visible_responses(organisation: Organisation) -> QuerySet[Response]:
    """Return an organisation's own responses and those to its requests. The DSO sees all."""
    rows = Response.objects.select_related(
        "organisation", "site__organisation", "request__site", "request__parameters"
    )
    if organisation.kind == OrganisationKind.DSO:
        return rows
    return rows.filter(Q(organisation=organisation) | Q(request__organisation=organisation))


def visible_contracts(organisation: Organisation) -> QuerySet[Contract]:
    """Return the contracts to which an organisation is a party. The DSO sees all."""
    rows = Contract.objects.select_related(*CONTRACT_ROWS)
    if organisation.kind == OrganisationKind.DSO:
        return rows
    return rows.filter(
        held_by(organisation, site="buyer_site", at="agreed_at")
        | held_by(organisation, site="seller_site", at="agreed_at")
    )


def board(organisation: Organisation) -> QuerySet[Request]:
    """Return what is open on the market board, the soonest delivery first."""
    return (
        visible_requests(organisation).filter(state=RequestState.OPEN).order_by("starts_at", "pk")
    )


def peer_sites(organisation: Organisation) -> QuerySet[Site]:
    """Return the sites of other opted-in peers with which an organisation may trade.

    Opted-in peers see each other's, and nobody else does (domain 3).
    """
    opted_in = opted_in_ids()
    if organisation.pk not in opted_in:
        return Site.objects.none()
    return (
        Site.objects.filter(
            organisation_id__in=opted_in, area_id__in=trading_areas_of(organisation)
        )
        .exclude(organisation=organisation)
        .select_related("organisation", "area")
        .order_by("name")
    )


def contracts_in_conflict(
    *, at: datetime, commitment: Commitment | None = None
) -> QuerySet[Contract]:
    """Return the live contracts of which a site serves a DSO-procured service in half-hours left.

    With ``commitment`` those that this one touches. Neither is dropped: the DSO's engineers decide
    (domain 5, no stacking).
    """
    commitments = Commitment.objects.filter(
        site=OuterRef("allocation__site"),
        starts_at__lt=OuterRef("ends_at"),
        ends_at__gt=Greatest(OuterRef("starts_at"), Value(at)),
    )
    if commitment is not None:
        commitments = commitments.filter(pk=commitment.pk)
    spans = AllocationSpan.objects.filter(
        Exists(commitments), allocation__reference=OuterRef("reference"), ends_at__gt=at
    )
    return Contract.objects.filter(Exists(spans), state__in=LIVE)


def value_of(request: Request, *, kw: Decimal, price_gbp_per_kwh: Decimal) -> Decimal:
    """Return what so many kW of a request come to, in £."""
    return contract_value_gbp(
        price_gbp_per_kwh=price_gbp_per_kwh, sold_kw=kw, half_hours=request.half_hours
    )


def takes_two(organisation: Organisation, value_gbp: Decimal) -> bool:
    """Say whether a second member of an organisation confirms what is worth so much."""
    limit = organisation.confirm_above_gbp
    return limit is not None and value_gbp > limit


def open_confirmations(request: Request, organisation: Organisation) -> QuerySet[Confirmation]:
    """Return what members of an organisation ask each other to confirm about a request."""
    rows = Confirmation.objects.filter(
        Q(response=None) | Q(response__state=ResponseState.OPEN),
        request=request,
        request__state=RequestState.OPEN,
        organisation=organisation,
        closed_at=None,
    )
    return rows.select_related("response", "site", "asked_by").order_by("pk")


def own_site_of(contract: Contract, organisation: Organisation) -> Site | None:
    """Return the end of a contract that belongs to an organisation."""
    for site in (contract.buyer_site, contract.seller_site):
        if site.organisation_id == organisation.pk:
            return site
    for site in (contract.buyer_site, contract.seller_site):
        if site.tenancies.filter(organisation=organisation).exists():
            return site  # it held it then
    return None


def allowed_request_actions(
    request: Request, organisation: Organisation, *, may_trade: bool, at: datetime
) -> list[str]:
    """Return what a member may do to a request now, as far as one can tell without writing."""
    if not may_trade or request.state != RequestState.OPEN:
        return []
    if request.organisation_id == organisation.pk:
        return ["cancel"]
    if organisation.kind != OrganisationKind.PEER:
        return []
    gate = Gate.parse(request.parameters.response_gate).closes_at(request.starts_at)
    actions = ["respond"] if at <= gate else []
    if request.route == Route.DIRECT:
        actions.append("reject")
    return actions


def allowed_response_actions(
    response: Response, organisation: Organisation, *, may_trade: bool, at: datetime
) -> list[str]:
    request = response.request
    if not may_trade or response.state != ResponseState.OPEN:
        return []
    if response.organisation_id == organisation.pk:
        return ["cancel"]
    if request.organisation_id != organisation.pk:
        return []
    gate = Gate.parse(request.parameters.acceptance_gate).closes_at(request.starts_at)
    return ["accept", "reject"] if at <= gate else ["reject"]


def allowed_contract_actions(
    contract: Contract, organisation: Organisation, *, may_trade: bool, at: datetime
) -> list[str]:
    own = own_site_of(contract, organisation)
    if not may_trade or own is None or contract.state not in LIVE:
        return []
    left = next_half_hour(at) < contract.ends_at  # else there is nothing to cancel any more
    if contract.cancel_proposed_by_id is None:
        return ["propose_cancellation"] if left else []
    if contract.cancel_proposed_by_id == organisation.pk or not left:
        return ["withdraw_cancellation"]
    return ["confirm_cancellation", "withdraw_cancellation"]


def study_of(contract: Contract) -> Study | None:
    """Return the study that the decision rests on, else the latest finished one alone."""
    rows = Study.objects.select_related("area", "network_model").defer("network_model__network")
    if contract.study_id is not None and contract.at_risk_since is None:
        return rows.filter(pk=contract.study_id).first()
    done = rows.filter(reference=contract.reference).exclude(
        state__in=[StudyState.QUEUED, StudyState.RUNNING]
    )
    return done.order_by("-pk").first()


@dataclass(frozen=True, slots=True)
class Retrade:
    """What could be agreed instead of a contract that fails."""

    largest_kw: str
    failing: list[str]


def retrade_of(contract: Contract, study: Study | None) -> Retrade | None:
    if study is None or study.result is None:
        return None
    if part := Choice.of(study).part(str(contract.reference)):
        fits = int(part["largest_kw"] or 0)
        rejected = contract.state == ContractState.REJECTED
        return Retrade(f"{fits}", []) if rejected and fits else None
    if study.state != StudyState.FAILED:
        return None
    if contract.state != ContractState.REJECTED and contract.at_risk_since is None:
        return None
    # What a study of several contracts together can carry is no one contract's to ask for.
    largest = None if study.kind == StudyKind.GROUP else study.result.get("largest_kw")
    own = set(contract.window.half_hours())
    failing = [
        text
        for text in study.result.get("failing", [])
        if datetime.fromisoformat(text).astimezone(UTC) in own
    ]
    whole = len(failing) >= contract.half_hours
    return Retrade(
        largest_kw=f"{int(largest)}" if largest and int(largest) > 0 else "",
        failing=[] if whole else failing,
    )


def timeline_of(contract: Contract) -> list[Event]:
    """Return the journal's events of a contract and of its studies, the oldest first."""
    return list(of_subjects([("nmf.contract", contract.pk), *studies_of(contract)]))


def studies_of(contract: Contract) -> list[tuple[str, int]]:
    """Return a contract's studies as the journal names them."""
    studies = Study.objects.filter(reference=contract.reference)
    return [("psa.study", pk) for pk in studies.values_list("pk", flat=True)]


@dataclass(slots=True)
class Home:
    """What waits for an organisation, what comes next, and what its sites may do now."""

    to_answer: list[Request] = field(default_factory=list)
    to_accept: list[Response] = field(default_factory=list)
    proposed: list[Contract] = field(default_factory=list)
    troubled: list[Contract] = field(default_factory=list)
    coming: list[Contract] = field(default_factory=list)  # the next few
    pending: int = 0
    deliveries: int = 0
    sites: list[tuple[Site, dict[str, Stretch]]] = field(default_factory=list)
    open_on_board: int = 0

    @property
    def waits(self) -> int:
        return len(self.to_answer) + len(self.to_accept) + len(self.proposed) + len(self.troubled)


def home(organisation: Organisation, *, at: datetime) -> Home:
    contracts = visible_contracts(organisation).order_by("starts_at", "pk")
    live = contracts.filter(state__in=LIVE, ends_at__gt=at)
    counts = live.aggregate(
        pending=Count("pk", Q(state=ContractState.PENDING)),
        deliveries=Count("pk", Q(state=ContractState.APPROVED)),
    )
    sites = list(connections.sites_of(organisation))
    permitted = connections.permitted_now([site.pk for site in sites], at) if sites else {}
    answered = Response.objects.filter(organisation=organisation, state=ResponseState.OPEN)
    return Home(
        to_answer=list(
            Request.objects.filter(
                counterparty_site__organisation=organisation, state=RequestState.OPEN
            )
            .exclude(pk__in=answered.values("request_id"))
            .select_related(*REQUEST_ROWS)
            .order_by("starts_at")
        ),
        to_accept=list(
            Response.objects.filter(
                request__organisation=organisation,
                state=ResponseState.OPEN,
                request__state=RequestState.OPEN,
            )
            .select_related("site", "request__parameters", "request__site")
            .order_by("created_at")
        ),
        proposed=list(
            live.exclude(cancel_proposed_by=None).exclude(cancel_proposed_by=organisation)
        ),
        troubled=list(
            contracts.filter(
                Q(state__in=LIVE, ends_at__gt=at, at_risk_since__isnull=False)
                | Q(state__in=UNDONE, decided_at__gte=at - RECENT)
            )
        ),
        coming=list(live[:MOST_COMING]),
        pending=counts["pending"],
        deliveries=counts["deliveries"],
        sites=[(site, permitted[site.pk]) for site in sites],
        open_on_board=board(organisation).count(),
    )


def with_response_counts(requests: QuerySet[Request]) -> QuerySet[Request]:
    return requests.annotate(
        open_responses=Count("responses", filter=Q(responses__state=ResponseState.OPEN))
    )
