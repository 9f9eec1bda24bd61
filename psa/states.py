"""The lives of network models and studies."""

from __future__ import annotations

from django.db import models

from core.states import Machine


class ModelState(models.TextChoices):
    DRAFT = "DRAFT", "Draft"
    PUBLISHED = "PUBLISHED", "Published"
    SUPERSEDED = "SUPERSEDED", "Superseded"


class NetworkFormat(models.TextChoices):
    PANDAPOWER_JSON = "PANDAPOWER_JSON", "pandapower JSON"
    PANDAPOWER_EXCEL = "PANDAPOWER_EXCEL", "pandapower Excel (.xlsx)"
    SIMBENCH = "SIMBENCH", "SimBench (zip of its CSV files)"
    CGMES = "CGMES", "CGMES (zip of its profiles)"


MODEL_MACHINE = Machine(
    "psa.network_model",
    {
        "map": ([ModelState.DRAFT], ModelState.DRAFT),
        "accept": ([ModelState.DRAFT], ModelState.DRAFT),
        "publish": ([ModelState.DRAFT], ModelState.PUBLISHED),
        "supersede": ([ModelState.PUBLISHED], ModelState.SUPERSEDED),
        # Before it comes into force (``psa.versions``).
        "withdraw": ([ModelState.PUBLISHED], ModelState.DRAFT),
    },
)


class ForecastKind(models.TextChoices):
    OPERATIONAL = "OPERATIONAL", "Operational forecast"
    PLANNING = "PLANNING", "Planning profiles"


class ForecastCase(models.TextChoices):
    """Which of a forecaster's issues: the most likely one, or one on either side of it.

    What "low" and "high" are low and high of is the forecaster's to say in the source; a study
    that is asked for several cases answers each and takes the worst, whatever their names.
    """

    LOW = "LOW", "Low"
    CENTRAL = "CENTRAL", "Central"
    HIGH = "HIGH", "High"


class EventTable(models.TextChoices):
    """What a network event changes; stored as pandapower names its tables."""

    LINE = "line", "Line"
    TRAFO = "trafo", "Transformer"
    TRAFO3W = "trafo3w", "Three-winding transformer"
    SWITCH = "switch", "Switch"
    IMPEDANCE = "impedance", "Impedance"
    SHUNT = "shunt", "Shunt"


class EventField(models.TextChoices):
    IN_SERVICE = "in_service", "In or out of service"
    CLOSED = "closed", "Open or closed"
    TAP_POS = "tap_pos", "Tap position"


STATE_WORDS = {
    EventField.IN_SERVICE: ("out of service", "in service"),
    EventField.CLOSED: ("open", "closed"),
}


class StudyKind(models.TextChoices):
    CONTRACT = "CONTRACT", "One contract"
    GROUP = "GROUP", "Contracts together"
    SUBSET = "SUBSET", "Best subset of contracts"
    RESTUDY = "RESTUDY", "Approved contract, studied again"
    TCVN = "TCVN", "Capacity variation"
    OUTLINE = "OUTLINE", "Outline of a registration"
    WHATIF = "WHATIF", "What-if"
    AREA = "AREA", "State of the area"


class StudyState(models.TextChoices):
    QUEUED = "QUEUED", "Waits for a worker"
    RUNNING = "RUNNING", "Being computed"
    PASSED = "PASSED", "Passed"
    FAILED = "FAILED", "Failed"
    INCOMPLETE = "INCOMPLETE", "No answer: for the engineers"


# What nobody waits for and nothing is decided on: it is computed after all others of its area.
DECIDES_NOTHING = frozenset({StudyKind.OUTLINE, StudyKind.WHATIF, StudyKind.AREA})

FINISHED = frozenset({StudyState.PASSED, StudyState.FAILED, StudyState.INCOMPLETE})

STUDY_MACHINE = Machine(
    "psa.study",
    {
        "claim": ([StudyState.QUEUED, StudyState.RUNNING], StudyState.RUNNING),
        "pass": ([StudyState.RUNNING], StudyState.PASSED),
        "fail": ([StudyState.RUNNING], StudyState.FAILED),
        "leave_open": ([StudyState.RUNNING], StudyState.INCOMPLETE),
    },
)
