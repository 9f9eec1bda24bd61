"""Words of the DSO's decisions, and the life of a clearing."""

from __future__ import annotations

from django.db import models

from core.states import Machine


class Mode(models.TextChoices):
    MANUAL = "MANUAL", "Manual: the study advises, an engineer decides"
    AUTOMATIC = "AUTOMATIC", "Automatic: the study decides"


class AreaRule(models.TextChoices):
    ALL_OR_NOTHING = "ALL_OR_NOTHING", "All or nothing"
    SEQUENTIAL = "SEQUENTIAL", "One after another, in order of agreement"
    BEST_SUBSET = "BEST_SUBSET", "Best subset: most capacity that fits, then the earliest agreed"


class DecisionKind(models.TextChoices):
    APPROVED = "APPROVED", "Approved"
    REJECTED = "REJECTED", "Rejected"
    LAPSED = "LAPSED", "Lapsed"
    CANCELLED = "CANCELLED", "Cancelled"


class ReviewState(models.TextChoices):
    """Where a pending contract stands on its way to a decision."""

    SCREENING = "SCREENING", "Being studied alone"
    WAITING = "WAITING", "Passed alone, waits for clearing"
    GROUPED = "GROUPED", "Being studied with others"
    ENGINEER = "ENGINEER", "For an engineer"
    DECIDED = "DECIDED", "Decided"


_OPEN = [
    ReviewState.SCREENING,
    ReviewState.WAITING,
    ReviewState.GROUPED,
    ReviewState.ENGINEER,
]
REVIEW_MACHINE = Machine(
    "wsc.review",
    {
        "screen": (_OPEN, ReviewState.SCREENING),
        "wait": ([ReviewState.SCREENING, ReviewState.GROUPED], ReviewState.WAITING),
        "group": (
            [ReviewState.WAITING, ReviewState.SCREENING, ReviewState.GROUPED],
            ReviewState.GROUPED,
        ),
        "refer": (_OPEN, ReviewState.ENGINEER),
        "decide": (_OPEN, ReviewState.DECIDED),
    },
)
