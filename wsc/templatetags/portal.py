"""The portal's own parts of a page."""

from __future__ import annotations

from typing import Any

from django import template

from wsc.navigation import groups_at

register = template.Library()


@register.inclusion_tag("admin/_portal_nav.html", takes_context=True)
def portal_nav(context: dict[str, Any]) -> dict[str, Any]:
    """{% portal_nav %}: the links in groups; nothing in a pop-up or before log-in"""
    shown = context.get("has_permission") and not context.get("is_popup")
    path = context["request"].path
    return {"groups": groups_at(path) if shown else [], "path": path}
