"""A Temporary Capacity Variation Notice from request to force: steps 3 to 7 of Table 2."""

from connections.services.tcvns.execution import countersign_tcvn, end_tcvn, execute_tcvn
from connections.services.tcvns.notices import issue_tcvn
from connections.services.tcvns.outcomes import (
    record_conditional,
    record_refusal,
    record_support,
    start_assessment,
)
from connections.services.tcvns.requests import request_tcvn, submit_tcvn, withdraw_tcvn

__all__ = [
    "countersign_tcvn",
    "end_tcvn",
    "execute_tcvn",
    "issue_tcvn",
    "record_conditional",
    "record_refusal",
    "record_support",
    "request_tcvn",
    "start_assessment",
    "submit_tcvn",
    "withdraw_tcvn",
]
