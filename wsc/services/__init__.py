"""Every write of the DSO's side: policies, reviews, clearing, decisions, deadlines, re-studies."""

from wsc.services.area_studies import study_area_state
from wsc.services.clearing import clear_area, study_finished
from wsc.services.conflicts import tell_conflicts
from wsc.services.deadlines import watch_deadlines
from wsc.services.decisions import approve, cancel, reject
from wsc.services.drafts import study_on_model
from wsc.services.endings import cancel_and
from wsc.services.policies import publish_policy
from wsc.services.restudies import contract_approved, restudy_area, restudy_finished
from wsc.services.reviews import contract_ended, open_review, study_again
from wsc.services.tcvns import assess_again, assess_registration, assess_tcvn, tcvn_study_finished

__all__ = [
    "approve",
    "assess_again",
    "assess_registration",
    "assess_tcvn",
    "cancel",
    "cancel_and",
    "clear_area",
    "contract_approved",
    "contract_ended",
    "open_review",
    "publish_policy",
    "reject",
    "restudy_area",
    "restudy_finished",
    "study_again",
    "study_area_state",
    "study_finished",
    "study_on_model",
    "tcvn_study_finished",
    "tell_conflicts",
    "watch_deadlines",
]
