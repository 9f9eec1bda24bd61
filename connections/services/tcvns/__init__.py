"""A Temporary Capacity Variation Notice from request to force: steps 3 to 7 of Table 2."""

from connections.services.tcvns.ending import end_tcvn, resume_tcvn, suspend_tcvn
from connections.services.tcvns.execution import (
    countersign_tcvn,
    execute_tcvn,
    lapse_notices,
    lapse_tcvn,
)
from connections.services.tcvns.fast import support_and_issue
from connections.services.tcvns.notices import issue_tcvn, reassess_tcvn, reissue_tcvn
from connections.services.tcvns.outcomes import (
    record_conditional,
    record_refusal,
    record_support,
    start_assessment,
)
from connections.services.tcvns.pdfs import record_notice_pdf, request_notice_pdf
from connections.services.tcvns.requests import (
    change_tcvn,
    decline_tcvn,
    request_tcvn,
    submit_tcvn,
    withdraw_tcvn,
)
from connections.services.tcvns.varying import (
    follow_all_on,
    follow_on,
    request_variation,
    start_variation,
)

__all__ = [
    "change_tcvn",
    "countersign_tcvn",
    "decline_tcvn",
    "end_tcvn",
    "execute_tcvn",
    "follow_all_on",
    "follow_on",
    "issue_tcvn",
    "lapse_notices",
    "lapse_tcvn",
    "reassess_tcvn",
    "record_conditional",
    "record_notice_pdf",
    "record_refusal",
    "record_support",
    "reissue_tcvn",
    "request_notice_pdf",
    "request_tcvn",
    "request_variation",
    "resume_tcvn",
    "start_assessment",
    "start_variation",
    "submit_tcvn",
    "support_and_issue",
    "suspend_tcvn",
    "withdraw_tcvn",
]
