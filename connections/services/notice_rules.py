"""The wording of notices and the rules of signing, published by the operator's managers."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from connections.documents import current_policy, current_template
from connections.models import NoticePolicy, NoticeTemplate, P2pTemplate
from connections.p2p_documents import current_p2p_template
from connections.permissions import (
    MAY_PUBLISH_NOTICE_POLICY,
    MAY_PUBLISH_NOTICE_TEMPLATE,
    MAY_PUBLISH_P2P_TEMPLATE,
)
from connections.wording import P2P_NAMES, clauses_of, unknown_names
from core import journal
from core.errors import Refusal, RefusedError
from participants.permissions import check_may


@transaction.atomic
def publish_notice_template(
    *, buyer_clauses: str, seller_clauses: str, actor: journal.Actor, at: datetime
) -> NoticeTemplate:
    """Publish a wording. Notices that are issued keep theirs.

    :raises RefusedError: if one of the two has no clause, or a name that can't be filled in
    """
    check_may(actor, MAY_PUBLISH_NOTICE_TEMPLATE)
    refusals = []
    for name, wording in (("buyer_clauses", buyer_clauses), ("seller_clauses", seller_clauses)):
        if not clauses_of(wording):
            refusals.append(Refusal("no_clause", "A notice has at least one clause.", name))
        for unknown in unknown_names(wording):
            message = f"{{{unknown}}} is none of the names that are filled in."
            refusals.append(Refusal("unknown_name", message, name))
    if refusals:
        raise RefusedError(refusals)
    made = NoticeTemplate.objects.create(
        version=current_template().version + 1,
        buyer_clauses=buyer_clauses,
        seller_clauses=seller_clauses,
        published_at=at,
        published_by_id=actor.user_id,
    )
    journal.record(verb="connections.notice_template.published", subject=made, actor=actor, at=at)
    return made


@transaction.atomic
def publish_p2p_template(*, clauses: str, actor: journal.Actor, at: datetime) -> P2pTemplate:
    """Publish the wording of P2P-specific agreements. Those that are issued keep theirs.

    :raises RefusedError: if it has no clause, or a name that can't be filled in
    """
    check_may(actor, MAY_PUBLISH_P2P_TEMPLATE)
    refusals = []
    if not clauses_of(clauses):
        refusals.append(Refusal("no_clause", "An agreement has at least one clause.", "clauses"))
    for unknown in unknown_names(clauses, P2P_NAMES):
        message = f"{{{unknown}}} is none of the names that are filled in."
        refusals.append(Refusal("unknown_name", message, "clauses"))
    if refusals:
        raise RefusedError(refusals)
    made = P2pTemplate.objects.create(
        version=current_p2p_template().version + 1,
        clauses=clauses,
        published_at=at,
        published_by_id=actor.user_id,
    )
    journal.record(verb="connections.p2p_template.published", subject=made, actor=actor, at=at)
    return made


@transaction.atomic
def publish_notice_policy(
    *,
    sign_within_days: int,
    second_factor: bool,
    two_persons: bool,
    fast_margin_percent: Decimal | None,
    end_notice_days: int = 20,
    actor: journal.Actor,
    at: datetime,
) -> NoticePolicy:
    """Publish the rules of signing. Notices that are issued keep their last day.

    :raises RefusedError: if there is no day to sign in, or the margin is no share
    """
    check_may(actor, MAY_PUBLISH_NOTICE_POLICY)
    refusals = []
    if sign_within_days < 1:
        message = "Give at least one business day to sign in."
        refusals.append(Refusal("no_day_to_sign", message, "sign_within_days"))
    if end_notice_days < 1:
        message = "Give at least one business day of notice."
        refusals.append(Refusal("no_day_of_notice", message, "end_notice_days"))
    if fast_margin_percent is not None and not 0 <= fast_margin_percent <= 100:  # noqa: PLR2004
        message = "A margin is between 0 and 100 %."
        refusals.append(Refusal("margin_no_share", message, "fast_margin_percent"))
    if refusals:
        raise RefusedError(refusals)
    made = NoticePolicy.objects.create(
        version=current_policy().version + 1,
        sign_within_days=sign_within_days,
        second_factor=second_factor,
        two_persons=two_persons,
        fast_margin_percent=fast_margin_percent,
        end_notice_days=end_notice_days,
        published_at=at,
        published_by_id=actor.user_id,
    )
    journal.record(verb="connections.notice_policy.published", subject=made, actor=actor, at=at)
    return made
