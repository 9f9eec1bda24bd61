"""Every write of the market."""

from nmf.services.confirmations import ask_to_accept, ask_to_respond
from nmf.services.contracts import (
    approve_contract,
    cancel_contract,
    clear_at_risk,
    confirm_cancellation,
    lapse_contract,
    lock_contracts,
    mark_at_risk,
    propose_cancellation,
    reject_contract,
    tell_deliveries,
    withdraw_cancellation,
)
from nmf.services.parameters import publish_parameters, record_commitment
from nmf.services.requests import (
    Preview,
    Wish,
    cancel_request,
    create_request,
    expire_due,
    preview_request,
    reject_request,
)
from nmf.services.responses import (
    accept_response,
    cancel_response,
    refusals_to_accept,
    refusals_to_respond,
    reject_response,
    respond,
)
from nmf.services.tenancies import withdraw_beyond_tenancy

__all__ = [
    "Preview",
    "Wish",
    "accept_response",
    "approve_contract",
    "ask_to_accept",
    "ask_to_respond",
    "cancel_contract",
    "cancel_request",
    "cancel_response",
    "clear_at_risk",
    "confirm_cancellation",
    "create_request",
    "expire_due",
    "lapse_contract",
    "lock_contracts",
    "mark_at_risk",
    "preview_request",
    "propose_cancellation",
    "publish_parameters",
    "record_commitment",
    "refusals_to_accept",
    "refusals_to_respond",
    "reject_contract",
    "reject_request",
    "reject_response",
    "respond",
    "tell_deliveries",
    "withdraw_beyond_tenancy",
    "withdraw_cancellation",
]
