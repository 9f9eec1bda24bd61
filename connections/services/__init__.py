"""Every write to sites, agreements, registrations, TCVNs and the capacity register."""

from connections.services.allocations import (
    confirm_allocations,
    hold_allocations,
    refusals_to_hold,
    release_allocations,
)
from connections.services.areas import lock_areas, lock_sites, lock_study_areas_of, raise_revision
from connections.services.closing import close_site
from connections.services.registrations import (
    approve_registration,
    refuse_registration,
    return_registration,
    start_registration,
    submit_registration,
    update_registration,
)
from connections.services.sites import (
    create_site,
    enter_own_site,
    name_signatory,
    place_site,
    place_sites,
    record_agreement,
)
from connections.services.tcvns import (
    countersign_tcvn,
    end_tcvn,
    execute_tcvn,
    issue_tcvn,
    record_conditional,
    record_refusal,
    record_support,
    request_tcvn,
    start_assessment,
    submit_tcvn,
    withdraw_tcvn,
)
from connections.services.turns import publish_targets, watch_turns

__all__ = [
    "approve_registration",
    "close_site",
    "confirm_allocations",
    "countersign_tcvn",
    "create_site",
    "end_tcvn",
    "enter_own_site",
    "execute_tcvn",
    "hold_allocations",
    "issue_tcvn",
    "lock_areas",
    "lock_sites",
    "lock_study_areas_of",
    "name_signatory",
    "place_site",
    "place_sites",
    "publish_targets",
    "raise_revision",
    "record_agreement",
    "record_conditional",
    "record_refusal",
    "record_support",
    "refusals_to_hold",
    "refuse_registration",
    "release_allocations",
    "request_tcvn",
    "return_registration",
    "start_assessment",
    "start_registration",
    "submit_registration",
    "submit_tcvn",
    "update_registration",
    "watch_turns",
    "withdraw_tcvn",
]
