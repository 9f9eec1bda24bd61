"""What the WSC knows about a network model, on a page of an app that knows no contracts."""

from __future__ import annotations

from typing import Any

from django import template

from core import clock
from psa.models import NetworkModel
from psa.queries import can_be_studied_on
from psa.states import ModelState
from wsc.models_studied import contracts_on

register = template.Library()


@register.inclusion_tag("admin/wsc/_open_contracts.html", takes_context=True)
def open_contracts(context: dict[str, Any], model: NetworkModel) -> dict[str, Any]:
    """Show how the area's open contracts fare on a model; nothing once it is superseded."""
    shown = can_be_studied_on(model) and model.state != ModelState.SUPERSEDED
    rows = contracts_on(model, at=clock.now()) if shown else []
    return {
        "shown": shown,
        "model": model,
        "draft": model.state == ModelState.DRAFT,
        "rows": rows,
        "failing": sum(row.fails for row in rows),
        "studied": sum(row.study is not None for row in rows),
        "may_study": rows and context["request"].user.has_perm("psa.request_study"),
    }
