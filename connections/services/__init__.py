"""Every write to sites, agreements, registrations, TCVNs and the capacity register."""

from connections.services.allocations import (
    confirm_allocations,
    hold_allocations,
    refusals_to_hold,
    release_allocations,
)
from connections.services.areas import lock_areas, lock_sites, lock_study_areas_of, raise_revision
from connections.services.closing import close_site
from connections.services.documents import attach_document, remove_document
from connections.services.hooks import create_hook, switch_hook
from connections.services.imports import apply_site_file, look_at_site_file, upload_site_file
from connections.services.notice_rules import publish_notice_policy, publish_notice_template
from connections.services.places import change_place, propose_registration, settle_site
from connections.services.preparers import accept_preparing, end_preparing, invite_preparer
from connections.services.registrations import (
    approve_registration,
    keep_typed,
    refuse_registration,
    return_registration,
    start_registration,
    submit_registration,
    update_registration,
)
from connections.services.reviews import record_checks, write_message
from connections.services.sites import (
    create_site,
    name_signatory,
    place_site,
    place_sites,
    record_agreement,
)
from connections.services.statements import open_statements, write_statement
from connections.services.tcvns import (
    countersign_tcvn,
    decline_tcvn,
    end_tcvn,
    execute_tcvn,
    issue_tcvn,
    lapse_notices,
    lapse_tcvn,
    reassess_tcvn,
    record_conditional,
    record_notice_pdf,
    record_refusal,
    record_support,
    reissue_tcvn,
    request_notice_pdf,
    request_tcvn,
    resume_tcvn,
    start_assessment,
    submit_tcvn,
    support_and_issue,
    suspend_tcvn,
    withdraw_tcvn,
)
from connections.services.turns import publish_targets, watch_turns

__all__ = [
    "accept_preparing",
    "apply_site_file",
    "approve_registration",
    "attach_document",
    "change_place",
    "close_site",
    "confirm_allocations",
    "countersign_tcvn",
    "create_hook",
    "create_site",
    "decline_tcvn",
    "end_preparing",
    "end_tcvn",
    "execute_tcvn",
    "hold_allocations",
    "invite_preparer",
    "issue_tcvn",
    "keep_typed",
    "lapse_notices",
    "lapse_tcvn",
    "lock_areas",
    "lock_sites",
    "lock_study_areas_of",
    "look_at_site_file",
    "name_signatory",
    "open_statements",
    "place_site",
    "place_sites",
    "propose_registration",
    "publish_notice_policy",
    "publish_notice_template",
    "publish_targets",
    "raise_revision",
    "reassess_tcvn",
    "record_agreement",
    "record_checks",
    "record_conditional",
    "record_notice_pdf",
    "record_refusal",
    "record_support",
    "refusals_to_hold",
    "refuse_registration",
    "reissue_tcvn",
    "release_allocations",
    "remove_document",
    "request_notice_pdf",
    "request_tcvn",
    "resume_tcvn",
    "return_registration",
    "settle_site",
    "start_assessment",
    "start_registration",
    "submit_registration",
    "submit_tcvn",
    "support_and_issue",
    "suspend_tcvn",
    "switch_hook",
    "update_registration",
    "upload_site_file",
    "watch_turns",
    "withdraw_tcvn",
    "write_message",
    "write_statement",
]
