"""Words of the market, and the lives of requests, responses and contracts."""

from __future__ import annotations

from django.db import models

from core.states import Machine


class Side(models.TextChoices):
    BUY = "BUY", "Buy"
    SELL = "SELL", "Sell"


class Route(models.TextChoices):
    DIRECT = "DIRECT", "Direct, to one peer"
    POOL = "POOL", "Pool, to all peers of the area"


class RequestState(models.TextChoices):
    OPEN = "OPEN", "Open"
    FILLED = "FILLED", "Filled"
    CANCELLED = "CANCELLED", "Cancelled"
    REJECTED = "REJECTED", "Rejected"
    EXPIRED = "EXPIRED", "Expired"


REQUEST_MACHINE = Machine(
    "nmf.request",
    {
        "fill": ([RequestState.OPEN], RequestState.FILLED),
        "cancel": ([RequestState.OPEN], RequestState.CANCELLED),
        "reject": ([RequestState.OPEN], RequestState.REJECTED),
        "expire": ([RequestState.OPEN], RequestState.EXPIRED),
    },
)


class ResponseState(models.TextChoices):
    OPEN = "OPEN", "Waits for an answer"
    ACCEPTED = "ACCEPTED", "Accepted"
    CANCELLED = "CANCELLED", "Cancelled"
    REJECTED = "REJECTED", "Rejected"
    EXPIRED = "EXPIRED", "Expired"
    CLOSED = "CLOSED", "Request ended"


RESPONSE_MACHINE = Machine(
    "nmf.response",
    {
        "accept": ([ResponseState.OPEN], ResponseState.ACCEPTED),
        "cancel": ([ResponseState.OPEN], ResponseState.CANCELLED),
        "reject": ([ResponseState.OPEN], ResponseState.REJECTED),
        "expire": ([ResponseState.OPEN], ResponseState.EXPIRED),
        "close": ([ResponseState.OPEN], ResponseState.CLOSED),
    },
)


class ContractState(models.TextChoices):
    """Delivery is not a state: it follows from an approved contract's half-hours and the time."""

    PENDING = "PENDING", "Waits for the DSO's approval"
    APPROVED = "APPROVED", "Approved"
    REJECTED = "REJECTED", "Rejected"
    LAPSED = "LAPSED", "Not decided in time"
    CANCELLED = "CANCELLED", "Cancelled"


CONTRACT_MACHINE = Machine(
    "nmf.contract",
    {
        "approve": ([ContractState.PENDING], ContractState.APPROVED),
        "reject": ([ContractState.PENDING], ContractState.REJECTED),
        "lapse": ([ContractState.PENDING], ContractState.LAPSED),
        "cancel": ([ContractState.PENDING, ContractState.APPROVED], ContractState.CANCELLED),
    },
)
