"""How the open contracts of an area fare on one of its network models: for the model's page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from nmf.models import Contract
from psa.models import NetworkModel, Study
from psa.queries import old_among
from psa.states import ModelState, StudyKind, StudyState
from wsc.queries import open_contracts, reference_on

WORDS = {
    StudyState.QUEUED: "waits for a worker",
    StudyState.RUNNING: "being computed",
    StudyState.PASSED: "passes",
    StudyState.INCOMPLETE: "no answer",
}


@dataclass(frozen=True, slots=True)
class OnModel:
    """An open contract and the latest study of it on the model."""

    contract: Contract
    study: Study | None
    published: bool
    is_old: bool  # something has changed since; then the figures may be others

    @property
    def outcome(self) -> str:
        if self.study is None:
            return "not studied on it yet"
        if self.study.state == StudyState.FAILED:
            return "fails" if self.published else "would fail"
        return WORDS[StudyState(self.study.state)]

    @property
    def fails(self) -> bool:
        return self.study is not None and self.study.state == StudyState.FAILED


def contracts_on(model: NetworkModel, *, at: datetime) -> list[OnModel]:
    """Return each open contract of a model's area with its latest study there, failures first.

    On a draft these are the what-ifs that an engineer has asked for; on the published model the
    re-studies of approved contracts and the studies of pending ones count too.
    """
    published = model.state == ModelState.PUBLISHED
    contracts = list(
        open_contracts(model.area_id, at=at).select_related("buyer_site", "seller_site", "review")
    )
    by_reference = {reference_on(contract, model.pk): contract.pk for contract in contracts}
    kinds = [StudyKind.WHATIF]
    if published:
        by_reference |= {contract.reference: contract.pk for contract in contracts}
        kinds += [StudyKind.RESTUDY, StudyKind.CONTRACT]
    studies = Study.objects.filter(reference__in=by_reference, kind__in=kinds)
    latest: dict[int, Study] = {}
    on_it = Q(network_model=model) | Q(stretches__contains=[{"network_model": model.pk}])
    for study in _newest_first(studies.filter(on_it) | _unread(studies)):
        latest.setdefault(by_reference[study.reference], study)
    old = old_among(study.pk for study in latest.values())
    found = [
        OnModel(contract, study, published, is_old=study is not None and study.pk in old)
        for contract in contracts
        for study in [latest.get(contract.pk)]
    ]
    return sorted(found, key=lambda each: (not each.fails, each.contract.pk))


def _unread(studies: QuerySet[Study]) -> QuerySet[Study]:
    """Those that wait: they will read the model that they name, or the one that is published."""
    return studies.filter(network_model=None, state__in=[StudyState.QUEUED, StudyState.RUNNING])


def _newest_first(studies: QuerySet[Study]) -> Iterable[Study]:
    return studies.select_related("area").defer("result", "inputs").order_by("-pk")
