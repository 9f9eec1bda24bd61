"""What the engineers are told. Peers are told by the market, whose contracts these are."""

from __future__ import annotations

from datetime import datetime

from connections.models import Tcvn
from core.periods import LONDON
from nmf.models import Commitment, Contract
from participants.services import notices
from psa.models import Study
from wsc.models import Review

KIND = "wsc.queue"


def tell_referred(review: Review, *, at: datetime) -> None:
    contract = review.contract
    _tell(
        contract, f"{contract.number} waits for an engineer", review.mark, review_link(review), at
    )


def tell_half_time(review: Review, *, at: datetime) -> None:
    contract = review.contract
    _tell(
        contract,
        f"{contract.number} is not decided at half time",
        "Undecided at its deadline it lapses.",
        review_link(review),
        at,
        ("Decide by", _local(review.decide_by)),
    )


def tell_at_risk(contract: Contract, study: Study, *, at: datetime) -> None:
    _tell(
        contract,
        f"{contract.number} is at risk",
        f"An input has changed, and the new study says: {study.summary} Nothing is cancelled by "
        "itself.",
        _link_of(contract),
        at,
    )


def tell_conflict(contract: Contract, commitment: Commitment, *, at: datetime) -> None:
    _tell(
        contract,
        f"{contract.number} conflicts with a commitment to {commitment.service}",
        f"{commitment.site.name} is committed in half-hours of this contract. Both stand until you "
        "decide.",
        _link_of(contract),
        at,
        ("Committed from", _local(commitment.starts_at)),
        ("Committed until", _local(commitment.ends_at)),
    )


def tell_no_answer(contract: Contract, study: Study, *, at: datetime) -> None:
    _tell(
        contract,
        f"{contract.number} could not be studied again",
        study.summary,
        f"/dso/psa/study/{study.pk}/change/",
        at,
    )


def tell_tcvn_studied(study: Study, tcvn: Tcvn, *, at: datetime) -> None:
    notices.notify(
        kind=KIND,
        recipients=notices.dso_engineers(),
        title=f"{tcvn} of {tcvn.site}: {study.get_state_display().lower()}",
        body=study.summary,
        facts=[("Site", tcvn.site.name), ("Capacity", f"{tcvn.capacity_kw.normalize():f} kW")],
        link=f"/dso/psa/study/{study.pk}/change/",
        at=at,
    )


def review_link(review: Review) -> str:
    return f"/dso/wsc/review/{review.pk}/change/"


def _link_of(contract: Contract) -> str:
    review = Review.objects.filter(contract=contract).first()
    return review_link(review) if review else ""


def _tell(
    contract: Contract,
    title: str,
    body: str,
    link: str,
    at: datetime,
    *more: tuple[str, str],
) -> None:
    notices.notify(
        kind=KIND,
        recipients=notices.dso_engineers(),
        title=title,
        body=body,
        facts=[
            ("Contract", contract.number),
            ("Buyer", contract.buyer_site.name),
            ("Seller", contract.seller_site.name),
            ("Capacity", f"{contract.bought_kw.normalize():f} kW {contract.direction.lower()}"),
            ("Window", str(contract.window)),
            *more,
        ],
        link=link,
        at=at,
    )


def _local(at: datetime) -> str:
    return f"{at.astimezone(LONDON):%a %-d %b %Y %H:%M %Z}"
