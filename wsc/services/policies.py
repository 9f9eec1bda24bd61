"""Versions of an area's policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, time

from django.db import transaction

from connections import services as connections
from core import journal
from core.errors import RefusedError
from participants.permissions import check_may
from psa.further_rules import refusals_of_checks
from psa.queries import elements_of
from psa.questions import CENTRAL_ONLY, SAFE_BASES, FurtherChecks
from wsc.models import Policy
from wsc.queries import current_policy
from wsc.rules import refusals_of_policy
from wsc.states import AreaRule, Mode


@transaction.atomic
def publish_policy(
    *,
    area_id: int,
    actor: journal.Actor,
    at: datetime,
    mode: str = Mode.MANUAL,
    area_rule: str = AreaRule.ALL_OR_NOTHING,
    screen_first: bool = True,
    clearing_times: Sequence[time] = (),
    required_bases: Sequence[str] = SAFE_BASES,
    forecast_cases: Sequence[str] = CENTRAL_ONLY,
    planning_profiles_may_pass: bool = False,
    loading_fail_percent: float = 100.0,
    loading_warn_percent: float = 95.0,
    planned_outages_may_pass: bool = False,
    outages: Sequence[str] = (),
    outages_decide: bool = False,
    emergency_percent: float = 100.0,
    step_voltage_percent: float | None = None,
    step_voltage_decides: bool = False,
    reverse_limits_kw: Mapping[str, float] | None = None,
) -> Policy:
    """Publish a study area's policy and raise its revision.

    What is under study is asked anew, and approved contracts are studied again under it.

    :raises RefusedError: if the policy decides on nothing, or its limits make no sense
    """
    check_may(actor, "wsc.publish_policy")
    refusals = refusals_of_policy(
        required_bases=required_bases,
        loading_fail_percent=loading_fail_percent,
        loading_warn_percent=loading_warn_percent,
        clearing_times=clearing_times,
        forecast_cases=forecast_cases,
    ) + refusals_of_checks(
        FurtherChecks(
            outages=tuple(outages),
            emergency_percent=emergency_percent,
            step_voltage_percent=step_voltage_percent,
            reverse_limits_kw=tuple((reverse_limits_kw or {}).items()),
        ),
        elements_of(area_id),
    )
    if refusals:
        raise RefusedError(refusals)
    connections.lock_areas([area_id])
    policy = Policy.objects.create(
        area_id=area_id,
        version=current_policy(area_id).version + 1,
        mode=mode,
        area_rule=area_rule,
        screen_first=screen_first,
        clearing_times=sorted(clearing_times),
        required_bases=list(required_bases),
        forecast_cases=list(forecast_cases),
        planning_profiles_may_pass=planning_profiles_may_pass,
        loading_fail_percent=loading_fail_percent,
        loading_warn_percent=loading_warn_percent,
        planned_outages_may_pass=planned_outages_may_pass,
        outages=list(outages),
        outages_decide=outages_decide,
        emergency_percent=emergency_percent,
        step_voltage_percent=step_voltage_percent,
        step_voltage_decides=step_voltage_decides,
        reverse_limits_kw=dict(reverse_limits_kw or {}),
        published_at=at,
        published_by_id=actor.user_id,
    )
    connections.raise_revision([area_id])
    journal.record(
        verb="wsc.policy.published",
        subject=policy,
        actor=actor,
        at=at,
        data={
            "area": area_id,
            "version": policy.version,
            "mode": mode,
            "area_rule": area_rule,
            "screen_first": screen_first,
            "required_bases": sorted(required_bases),
            "forecast_cases": list(forecast_cases),
            "planning_profiles_may_pass": planning_profiles_may_pass,
            "planned_outages_may_pass": planned_outages_may_pass,
            "outages": list(outages),
            "outages_decide": outages_decide,
            "step_voltage_percent": step_voltage_percent,
            "step_voltage_decides": step_voltage_decides,
        },
    )
    return policy
