"""Who is told what of requests, responses and contracts (domain 5)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from connections import queries as connections
from connections.models import Site
from connections.tenancies import holder_at
from core.periods import HALF_HOUR, in_words
from nmf.models import Confirmation, Contract, Request, Response
from nmf.states import RequestState, Route
from participants.queries import opted_in_ids
from participants.services.notices import notify, traders_of
from psa.models import Study
from psa.seen.plain import in_plain_words

Facts = list[tuple[str, str]]


def request_published(request: Request, *, at: datetime) -> None:
    """Tell the named peer, or every opted-in peer with a site in the trading area."""
    verb = "wants to buy" if request.side == "BUY" else "offers to sell"
    title = f"{request.number}: {request.site.name} {verb} {_kw(request.kw)}"
    for organisation_id in _audience(request):
        _tell("nmf.request", organisation_id, title, facts_of_request(request), _at(request), at)


def request_ended(
    request: Request, closed: Iterable[Response], *, at: datetime, reason: str = ""
) -> None:
    """Tell those whose responses ended with a request, and whoever didn't end it themselves."""
    word = RequestState(request.state).label.lower()
    told = {response.organisation_id for response in closed}
    if request.state in {RequestState.REJECTED, RequestState.EXPIRED}:
        told.add(request.organisation_id)
    if request.state == RequestState.CANCELLED and request.counterparty_site is not None:
        told.add(request.counterparty_site.organisation_id)
    for organisation_id in sorted(told):
        _tell(
            "nmf.request",
            organisation_id,
            f"{request.number} was {word}",
            facts_of_request(request),
            _at(request),
            at,
            body=reason,
        )


def response_received(response: Response, *, at: datetime) -> None:
    request = response.request
    _tell(
        "nmf.response",
        request.organisation_id,
        f"{response.number}: {response.site.name} answers {request.number}",
        facts_of_response(response),
        _at(request),
        at,
        body=response.message,
    )


def response_cancelled(response: Response, *, at: datetime) -> None:
    _tell(
        "nmf.response",
        response.request.organisation_id,
        f"{response.number} to {response.request.number} was cancelled",
        facts_of_response(response),
        _at(response.request),
        at,
    )


def response_rejected(response: Response, *, reason: str, at: datetime) -> None:
    _tell(
        "nmf.response",
        response.organisation_id,
        f"{response.number} to {response.request.number} was rejected",
        facts_of_response(response),
        _at(response.request),
        at,
        body=reason,
    )


def second_member_asked(asked: Confirmation, *, at: datetime) -> None:
    """Tell the other members who trade. It can't be switched off: somebody waits for it."""
    what = f"accept {asked.response.number}" if asked.response else f"answer {asked.request.number}"
    notify(
        kind="nmf.confirmation",
        recipients=[
            person for person in traders_of(asked.organisation_id) if person.pk != asked.asked_by_id
        ],
        title=f"Confirm: {what}, £{asked.value_gbp:,.2f}",
        body="A colleague asks you to confirm this by doing the same.",
        facts=[
            ("Request", asked.request.number),
            *([("From", asked.site.name)] if asked.site else []),
            ("Capacity", _kw(asked.kw)),
            ("Price", _price(asked.price_gbp_per_kwh)),
            ("Window", str(asked.request.window)),
        ],
        link=_at(asked.request),
        organisation_id=asked.organisation_id,
        at=at,
    )


def contract_agreed(contract: Contract, *, at: datetime) -> None:
    _tell_both(contract, "agreed, waits for the DSO's approval", at)


def contract_approved(contract: Contract, *, at: datetime) -> None:
    _tell_both(contract, "approved", at, body=contract.reason)


def contract_rejected(contract: Contract, *, at: datetime) -> None:
    body = contract.reason
    if contract.study_id is not None:
        study = _study(contract.study_id)
        plain = in_plain_words(study, opening="Not approved")
        if plain and body == study.summary:
            body = plain
        elif plain or study.summary not in body:
            body = f"{body}\n{plain or study.summary}".strip()
    _tell_both(contract, "rejected by the DSO", at, body=body)


def contract_lapsed(contract: Contract, *, at: datetime) -> None:
    _tell_both(contract, "not decided in time", at, body=contract.reason)


def contract_cancelled(contract: Contract, *, at: datetime) -> None:
    _tell_both(contract, "cancelled", at, body=contract.reason)


def contract_at_risk(contract: Contract, *, study_id: int, at: datetime) -> None:
    study = _study(study_id)
    words = in_plain_words(study, opening="A new study fails")
    words = words or f"A new study fails. {study.summary}"
    body = f"{words} The contract stands until the DSO decides otherwise."
    _tell_both(contract, "at risk", at, body=body)


def contract_safe_again(contract: Contract, *, at: datetime) -> None:
    _tell_both(contract, "no longer at risk", at, body="A new study passes.")


def cancellation_proposed(contract: Contract, *, reason: str, at: datetime) -> None:
    for site in (contract.buyer_site, contract.seller_site):
        if site.organisation_id != contract.cancel_proposed_by_id:
            _tell(
                "nmf.contract",
                site.organisation_id,
                f"{contract.number}: the other peer proposes to cancel",
                facts_of_contract(contract),
                f"/contracts/{contract.pk}/",
                at,
                body=reason,
            )


def delivery_starting(contract: Contract, *, at: datetime) -> None:
    _tell_both(contract, "delivery starts", at, kind="nmf.delivery")


def facts_of_request(request: Request) -> Facts:
    return [
        ("Service", f"{request.service}, {request.get_side_display().lower()}"),
        ("Site", request.site.name),
        ("Capacity", _kw(request.kw)),
        ("Price", _price(request.price_gbp_per_kwh)),
        ("Window", str(request.window)),
        ("First half-hour", in_words((request.starts_at, request.starts_at + HALF_HOUR))),
    ]


def facts_of_response(response: Response) -> Facts:
    return [
        ("Request", response.request.number),
        ("Site", response.site.name),
        ("Capacity", _kw(response.kw)),
        ("Price", _price(response.price_gbp_per_kwh)),
        ("Window", str(response.request.window)),
    ]


def facts_of_contract(contract: Contract) -> Facts:
    facts = [
        ("Service", contract.service),
        ("Buyer", contract.buyer_site.name),
        ("Seller", contract.seller_site.name),
        ("Capacity", _kw(contract.sold_kw)),
        ("Price", _price(contract.price_gbp_per_kwh)),
        ("Value", f"£{contract.value_gbp:,.2f}"),
        ("Window", str(contract.window)),
    ]
    if contract.cancelled_from is not None:
        moment = in_words((contract.cancelled_from, contract.cancelled_from + HALF_HOUR))
        facts.append(("Cancelled from", moment.split(" to ")[0]))
    return facts


def _audience(request: Request) -> list[int]:
    if request.route == Route.DIRECT and request.counterparty_site is not None:
        return [request.counterparty_site.organisation_id]
    areas = connections.areas_traded_in(request.site.area_id)
    owners = set(Site.objects.filter(area_id__in=areas).values_list("organisation_id", flat=True))
    return sorted((owners & opted_in_ids()) - {request.organisation_id})


def _tell_both(
    contract: Contract, what: str, at: datetime, *, body: str = "", kind: str = "nmf.contract"
) -> None:
    ends = (contract.buyer_site, contract.seller_site)
    owners = {holder_at(site, contract.agreed_at).pk for site in ends}
    for organisation_id in sorted(owners):
        _tell(
            kind,
            organisation_id,
            f"{contract.number}: {what}",
            facts_of_contract(contract),
            f"/contracts/{contract.pk}/",
            at,
            body=body,
        )


def _tell(
    kind: str,
    organisation_id: int,
    title: str,
    facts: Facts,
    link: str,
    at: datetime,
    *,
    body: str = "",
) -> None:
    notify(
        kind=kind,
        recipients=traders_of(organisation_id),
        title=title,
        facts=facts,
        link=link,
        body=body,
        organisation_id=organisation_id,
        at=at,
    )


def _at(request: Request) -> str:
    return f"/requests/{request.pk}/"


def _kw(kw: Decimal) -> str:
    return f"{kw.normalize():,f} kW"


def _price(price: Decimal) -> str:
    return f"£{price.normalize():f} /kW/h (£{(price * 1000).normalize():f} /MW/h)"


def _study(study_id: int) -> Study:
    studies = Study.objects.select_related("network_model").defer("network_model__network")
    return studies.get(pk=study_id)
