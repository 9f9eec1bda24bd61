"""What follows from what: tasks by event, and periodic tasks.

The one place where a lower app reaches a higher one.
"""

from __future__ import annotations

from typing import Any

# Each task is given the id of the event's subject.
EVENT_ROUTES: dict[str, list[str]] = {
    "nmf.contract.agreed": ["wsc.open_review"],
    "nmf.contract.approved": ["wsc.contract_approved"],
    "nmf.contract.cancelled": ["wsc.contract_ended"],
    "nmf.commitment.recorded": ["wsc.tell_conflicts"],
    "psa.study.requested": ["psa.run_studies"],
    "psa.study.finished": ["wsc.study_finished", "psa.draw_failed_study"],
    "psa.picture.requested": ["psa.draw_study"],
    "psa.document.requested": ["psa.file_study"],
    "psa.network_model.imported": ["psa.check_network_model"],
    "psa.network_model.uploaded": ["psa.check_network_model"],
    "psa.network_model.mapped": ["psa.check_network_model"],
    "psa.network_model.published": ["wsc.restudy_after_model"],
    "psa.network_model.withdrawn": ["wsc.restudy_after_model"],
    "psa.network_event.recorded": ["wsc.restudy_after_network_event"],
    "psa.network_event.withdrawn": ["wsc.restudy_after_network_event"],
    "psa.forecast.published": ["wsc.restudy_after_forecast"],
    "connections.area.revised": ["wsc.restudy_area"],
    "wsc.policy.published": ["wsc.restudy_after_policy"],
    "connections.registration.submitted": ["wsc.assess_registration"],
    "connections.registration.site_settled": ["wsc.assess_registration"],
    "connections.tcvn.assessment_started": ["wsc.assess_tcvn"],
    "connections.tcvn.reassessed": ["wsc.assess_tcvn"],
    "connections.tcvn.issued": ["connections.file_notice"],
    "connections.tcvn.reissued": ["connections.file_notice"],
    "connections.tcvn.in_force": ["connections.file_notice"],
    "connections.tenancychange.recorded": ["nmf.withdraw_beyond_tenancy"],
    "connections.notice_pdf.requested": ["connections.file_notice"],
    **{
        f"connections.p2pagreement.{verb}": ["connections.file_p2p_agreement"]
        for verb in ("offered", "reissued", "agreed", "pdf_requested")
    },
}

# What stands against a change of capacity, for the portal's pages; and how to cancel it with it.
STANDING = "wsc.queries.standing_of"
# How the policy of a study area judges, for what-ifs and headroom.
STUDY_OPTIONS = "wsc.queries.study_options_of"
# What studies say of a registration or a TCVN, for its pages.
ASSESSMENTS = "wsc.assessments.assessments_of"
CANCEL_AND = "wsc.services.cancel_and"

BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "number the register's changes": {
        "task": "connections.number_register_changes",
        "schedule": 5.0,
    },
    "open capacity statements": {"task": "connections.open_statements", "schedule": 3600.0},
    "let sites change hands": {"task": "connections.apply_tenancy_changes", "schedule": 60.0},
    "lapse notices": {"task": "connections.lapse_notices", "schedule": 300.0},
    "seal the journal": {"task": "core.seal_events", "schedule": 20.0},
    "expire requests and responses": {"task": "nmf.expire_due", "schedule": 60.0},
    "tell of deliveries": {"task": "nmf.tell_deliveries", "schedule": 60.0},
    "lapse undecided contracts": {"task": "wsc.watch_deadlines", "schedule": 60.0},
    "clear areas": {"task": "wsc.clear_areas", "schedule": 60.0},
    "study areas": {"task": "wsc.study_areas", "schedule": 300.0},
    "sweep studies": {"task": "psa.run_studies", "schedule": 60.0},
    "bring networks into force": {"task": "psa.bring_into_force", "schedule": 60.0},
    "refresh headroom": {"task": "psa.refresh_headroom", "schedule": 300.0},
}
