"""The market's own words on its pages."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils.safestring import SafeString

from connections.models import Site
from connections.tenancies import holder_at
from core.templatetags.ui import badge
from nmf.gates import Gate
from nmf.models import Contract
from nmf.states import ContractState

register = template.Library()


@register.filter
def gate(text: str) -> str:
    """{{ parameters.request_gate|gate }}: "12:00, 3 days before"."""
    return Gate.parse(text).in_words()


@register.filter
def holder(site: Site, at: datetime) -> str:
    """{{ row.buyer_site|holder:row.agreed_at }}: the organisation that held it then"""
    return holder_at(site, at).name


@register.simple_tag
def contract_badge(contract: Contract, at: datetime) -> SafeString:
    """{% contract_badge row me.at %}: its state, and how far the delivery of an approved one is"""
    if contract.state == ContractState.APPROVED and contract.ends_at <= at:
        return badge("DELIVERED", "Delivered")
    if contract.state == ContractState.APPROVED and contract.starts_at <= at:
        return badge("IN_DELIVERY", "In delivery")
    return badge(contract.state, contract.get_state_display())
