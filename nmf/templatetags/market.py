"""The market's own words on its pages."""

from __future__ import annotations

from django import template

from nmf.gates import Gate

register = template.Library()


@register.filter
def gate(text: str) -> str:
    """{{ parameters.request_gate|gate }}: "12:00, 3 days before"."""
    return Gate.parse(text).in_words()
