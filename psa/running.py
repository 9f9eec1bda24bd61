"""Drain the queues of studies: claim, read, compute, record. No transaction spans two of them."""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from dataclasses import asdict
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import OperationalError

from core import clock
from core.errors import BusyError, WrongStateError
from core.journal import SYSTEM
from core.retry import retried
from psa import services
from psa.engine.findings import as_json
from psa.headroom import Found, find, gather_headroom
from psa.inputs import Gap, Inputs, agreements_at, gather
from psa.lost_names import names_lost
from psa.models import ForecastVersion, NetworkModel, NetworkUpload
from psa.queries import (
    areas_with_old_headroom,
    areas_with_open_studies,
    areas_with_versions_due,
    places_of_sites,
    published_model,
)
from psa.services.studies import MOST_ATTEMPTS
from psa.solving import Solved, solve
from psa.states import ModelState
from psa.time_limit import TooLongError, limited

MOST_CHANGES = 300  # elements kept with a model; the counts are of all
MOST_BUSY_SECONDS = 300  # with one study's limit less than CELERY_TASK_TIME_LIMIT
TELLING = {"CannotCompileError", "EngineInputError"}  # of the engine's: they say why in words
logger = logging.getLogger(__name__)


def run_open_studies() -> int:
    """Answer what waits in every area that no other worker drains; return how many.

    An area whose rows somebody holds comes later: those behind it do not wait for it. Ends in time
    for the task's limit; the clock wakes the rest.
    """
    done, until = 0, time.monotonic() + MOST_BUSY_SECONDS
    for area_id in areas_with_open_studies():
        try:
            done += drain(area_id=area_id, until=until)
        except BusyError:
            logger.info("Area %s is held by others", area_id)
    return done


def drain(*, area_id: int, until: float = math.inf) -> int:
    """Answer an area's studies until none waits. Returns at once if another worker is at it.

    ``until``: the monotonic time after which no further study is begun.
    """
    run = retried(services.open_run, area_id=area_id)
    if run is None:
        return 0
    done = 0
    try:
        while time.monotonic() < until and _answer_next(area_id=area_id, run=run):
            done += 1
    finally:
        retried(services.close_run, area_id=area_id, token=run)
    return done


def bring_into_force() -> None:
    """Let versions of networks whose time has come take the place of those before them."""
    at = clock.now()
    for area_id in areas_with_versions_due(at):
        try:
            retried(services.bring_into_force, area_id=area_id, at=at)
        except BusyError:
            logger.info("Area %s is held by others", area_id)


def refresh_headroom() -> int:
    """Compute the headroom of every study area in which it is old; return how many.

    The clock calls this, so that many changes of an area make one computation of it. An area whose
    studies wait is left until they are answered.
    """
    at, until = clock.now(), time.monotonic() + MOST_BUSY_SECONDS
    busy = set(areas_with_open_studies())
    done = 0
    for area_id in areas_with_old_headroom(at):
        if area_id not in busy and time.monotonic() < until:
            done += _refresh(area_id)
    return done


def _refresh(area_id: int) -> bool:
    claim = retried(services.claim_headroom, area_id=area_id, at=clock.now())
    if claim is None:
        return False
    found: Found | Gap = _found(claim)
    try:
        retried(services.record_headroom, claim=claim, found=found, at=clock.now())
    except WrongStateError:
        logger.warning("The headroom of area %s was taken over by another worker", area_id)
        return False
    return True


def _found(claim: services.HeadroomClaim) -> Found | Gap:
    inputs = gather_headroom(area_id=claim.area_id, starts_at=claim.starts_at, at=clock.now())
    if isinstance(inputs, Gap):
        return inputs
    try:
        with limited():
            return find(inputs, agreements_at(inputs), claim.starts_at)
    except TooLongError:
        return Gap("Not computed: it took longer than it may.", inputs.network_model_id)
    except Exception as error:  # as with a study: nobody computes it, so nothing is known
        logger.exception("The headroom of area %s could not be computed", claim.area_id)
        reason = str(error) if type(error).__name__ in TELLING else ""
        words = reason or f"the engine failed ({type(error).__name__})"
        return Gap(f"Not computed: {words}.", inputs.network_model_id)


def check_model(*, model_id: int) -> None:
    """Read and check a draft of a network model, and lay out its diagram.

    What came from outside is read in a process of its own, under limits.
    """
    model = NetworkModel.objects.get(pk=model_id)
    if model.state != ModelState.DRAFT:
        return
    upload = NetworkUpload.objects.filter(model=model).first()
    if upload is None and not model.network:
        return  # read in vain before
    found = _outcome(model, upload)
    model.network = found["network"] or model.network
    retried(
        services.record_model_check,
        model_id=model_id,
        check=services.ModelCheck(
            findings=[*found["findings"], *_names_lost(model, found["diagram"])],
            mapping=model.mapping,
            network=None if upload is None else found["network"],
            format=found["kind"],
            remarks=found["remarks"],
            diagram=found["diagram"],
            changes=found["diagram"] and changes_from(published_model(model.area_id), model),
        ),
        actor=SYSTEM,
        at=clock.now(),
    )


def _names_lost(model: NetworkModel, diagram: dict[str, Any] | None) -> list[dict[str, str]]:
    if diagram is None:
        return []
    elements = diagram["elements"]
    return as_json(names_lost(area_id=model.area_id, elements=elements, at=clock.now()))


def _outcome(model: NetworkModel, upload: NetworkUpload | None) -> dict[str, Any]:
    from psa.engine.apart import read_apart
    from psa.engine.importing import Job, outcome
    from psa.engine.validate import SitePlace

    sites = [(place.name, place.bus) for place in places_of_sites(model)]
    if upload is not None:
        return read_apart(bytes(upload.content), kind=model.format, sites=sites)
    content = model.network.encode()
    if model.file_sha256:
        return read_apart(
            content, kind=model.format, sites=sites, converted=True, remarks=model.remarks
        )
    places = tuple(SitePlace(name, bus) for name, bus in sites)
    return outcome(Job(content, model.format, places, converted=True))


def changes_from(former: NetworkModel | None, model: NetworkModel) -> dict[str, Any] | None:
    """Return what is new in a model, as JSON: counts, and the first elements by field."""
    from psa.engine.diff import differences

    if former is None:
        return None
    found = differences(former.network, model.network)
    return {
        "former": str(former),
        "counts": Counter(change.what for change in found),
        "elements": [asdict(change) for change in found[:MOST_CHANGES]],
    }


def _answer_next(*, area_id: int, run: UUID) -> bool:
    claim = retried(services.claim_study, area_id=area_id, run=run, at=clock.now())
    if claim is None:
        return False
    try:
        _answer(claim)
    except WrongStateError:
        logger.warning("Study %s was taken over by another worker", claim.study_id)
    return True


def _answer(claim: services.Claim) -> None:
    found: Gap | tuple[Inputs, Solved]
    if claim.exhausted:
        found = Gap(f"A worker stopped {MOST_ATTEMPTS} times while it computed this study.")
    else:
        found = _computed(claim)
    if isinstance(found, Gap):
        retried(services.record_no_answer, claim=claim, gap=found, at=clock.now())
    else:
        inputs, solved = found
        retried(services.record_study, claim=claim, inputs=inputs, solved=solved, at=clock.now())


def _computed(claim: services.Claim) -> Gap | tuple[Inputs, Solved]:
    """Whatever breaks is a gap: one study that nobody can compute must not stop those behind it,
    and is never a pass.
    """
    inputs: Inputs | Gap | None = None
    try:
        with limited():
            inputs = _read(claim)
            return inputs if isinstance(inputs, Gap) else (inputs, solve(inputs))
    except OperationalError:
        raise  # the database's fault, and not the study's
    except TooLongError:
        reason = "It took longer than a study may."
    except Exception as error:  # see above
        logger.exception("Study %s could not be computed", claim.study_id)
        reason = f"The engine failed ({type(error).__name__})."
    return Gap(reason, inputs.network_model_id if isinstance(inputs, Inputs) else None)


def _read(claim: services.Claim) -> Inputs | Gap:
    at = clock.now()
    if ForecastVersion.objects.filter(area_id=claim.area_id, issued_at__gt=at).exists():
        return Gap("A forecast was issued later than it is by this worker's clock: set the clocks.")
    found = gather(area_id=claim.area_id, question=claim.question, at=at)
    for each in found.on_each_version if isinstance(found, Inputs) else ():
        if each.network_sha256 != _sha256(each.network):
            reason = (
                "The network model on record is not the one that was imported: import it again."
            )
            return Gap(reason, each.network_model_id)
    return found


def _sha256(text: str) -> str:
    return sha256(text.encode()).hexdigest()
