"""What the engine cannot study, and why. ``study.answer`` turns each into an outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from psa.engine.findings import Finding


class EngineInputError(ValueError):
    """The question or the model makes no sense: names what is wrong, in words for an engineer."""


class FileFaultsError(EngineInputError):
    """A file from outside with faults in several places: all of them."""

    def __init__(self, faults: list[Finding]) -> None:
        super().__init__(" ".join(each.message for each in faults))
        self.faults = faults


class NotFiniteError(EngineInputError):
    """A number that is not finite. It never reaches a solver: one reads NaN as *unchanged*."""


class NoForecastError(EngineInputError):
    """A bus that carries load or generation in the model has no profile for the study."""


class CannotCompileError(Exception):
    """The batch solver's model cannot represent this network: the study runs on pandapower."""
