"""Kinds of organisation, roles, terms, scopes of tokens."""

from __future__ import annotations

from django.db import models


class OrganisationKind(models.TextChoices):
    PEER = "PEER", "Peer"
    DSO = "DSO", "Network operator (DSO)"
    CONSULTANT = "CONSULTANT", "Consultant or agent"


class Role(models.TextChoices):
    """What a member may do. One role a member and organisation; the higher holds the lower."""

    VIEWER = "VIEWER", "Viewer"
    BILLING = "BILLING", "Billing"
    TRADER = "TRADER", "Trader"
    ADMINISTRATOR = "ADMINISTRATOR", "Administrator"
    ENGINEER = "ENGINEER", "DSO engineer"
    MANAGER = "MANAGER", "DSO manager"


PEER_ROLES = frozenset({Role.VIEWER, Role.BILLING, Role.TRADER, Role.ADMINISTRATOR})
DSO_ROLES = frozenset({Role.VIEWER, Role.BILLING, Role.ENGINEER, Role.MANAGER})
HOLDS = {
    Role.VIEWER: frozenset({Role.VIEWER}),
    Role.BILLING: frozenset({Role.VIEWER, Role.BILLING}),
    Role.TRADER: frozenset({Role.VIEWER, Role.TRADER}),
    Role.ADMINISTRATOR: frozenset({Role.VIEWER, Role.BILLING, Role.TRADER, Role.ADMINISTRATOR}),
    Role.ENGINEER: frozenset({Role.VIEWER, Role.ENGINEER}),
    Role.MANAGER: frozenset({Role.VIEWER, Role.BILLING, Role.ENGINEER, Role.MANAGER}),
}


class TermsKind(models.TextChoices):
    PLATFORM = "PLATFORM", "NMF Platform Terms"
    TERMSHEET = "TERMSHEET", "P2P Termsheet"


class TokenScope(models.TextChoices):
    READ = "READ", "Read"
    TRADE = "TRADE", "Read and trade"
    MANAGE = "MANAGE", "Read, trade, and manage the organisation"


SCOPE_HOLDS = {
    TokenScope.READ: frozenset({TokenScope.READ}),
    TokenScope.TRADE: frozenset({TokenScope.READ, TokenScope.TRADE}),
    TokenScope.MANAGE: frozenset(TokenScope),
}
