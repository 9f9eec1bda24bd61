"""The wording of notices and agreements: clauses filled in, and the text that is signed. Pure.

The text is the one source of what was signed: its SHA-256 is on the record, and the PDF is made of
the same facts, carries the text and names its hash.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

NAME = re.compile(r"\{(\w*)\}")
NAMES = frozenset(
    {
        "number",
        "site",
        "organisation",
        "agreement",
        "direction",
        "kw",
        "agreed_kw",
        "window",
        "buyer",
        "execute_by",
    }
)
BUYER_CLAUSES = """\
In the half-hours of the schedule, the {direction} capacity of {site} may be raised to {kw}. The \
site may use capacity above its connection agreement only as far as it has bought it by a contract \
that the network operator has approved.

The connection agreement is otherwise unchanged.

The notice takes force when the network operator has countersigned it. It lapses if the site's \
signatory has not signed it by {execute_by}.

The network operator may suspend the notice in an emergency, and end it with notice."""
P2P_NAMES = frozenset(
    {
        "number",
        "site",
        "organisation",
        "agreement",
        "mic",
        "mec",
        "installed",
        "starts",
        "fallback_mic",
        "fallback_mec",
        "notice_days",
        "execute_by",
    }
)
SELLER_CLAUSES = """\
In the half-hours of the schedule, {kw} of the {direction} capacity of {site} is earmarked for \
{buyer} and may be sold to no one else. The site keeps the use of it until a contract sells it.

The connection agreement is otherwise unchanged.

The notice takes force, together with the notice of {buyer}, when the network operator has \
countersigned both. It lapses if the site's signatory has not signed it by {execute_by}.

The network operator may suspend both notices in an emergency, and end them with notice."""

P2P_CLAUSES = """\
From {starts}, the capacity that {site} may import and export follows its contracts by itself. \
What it has bought by a contract that the network operator has approved is added to its MIC or \
MEC, and what it has sold is taken off, in the half-hours of the contract (MIC: {mic}; MEC: \
{mec}). No Temporary Capacity Variation Notice is needed.

The site never exceeds the maximum installed capacity of {installed}, whatever it has bought.

Each contract is studied and approved by the network operator before it counts. Connection \
agreement {agreement} is otherwise unchanged.

This agreement takes force at the time above, or with the first half-hour after the network \
operator's countersignature if that is later. The offer lapses if the site's signatory has not \
signed it by {execute_by}.

Either side may end it: the network operator with a reason, from a stated half-hour; the site with \
at least {notice_days} business days' notice. What has been bought from then on must have ended \
by then. Connection agreement {agreement} then counts again (MIC: {fallback_mic}; MEC: \
{fallback_mec})."""


def wording_in_words(version: int) -> str:
    """Say which wording a document has: 0 is the one that comes with the product."""
    return f"version {version}" if version else "the standard one"


def clauses_of(wording: str) -> list[str]:
    """Return the paragraphs of a wording, each on one line."""
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", wording) if part.strip()]


def unknown_names(wording: str, names: frozenset[str] = NAMES) -> list[str]:
    """Return what stands in braces and is no name that can be filled in."""
    return sorted(set(NAME.findall(wording)) - names)


def filled(clause: str, values: Mapping[str, str]) -> str:
    return NAME.sub(lambda found: values[found[1]], clause)


def notice_text(facts: Mapping[str, Any]) -> str:
    """Return the text of a notice that is signed, to the letter."""
    lines = [facts["title"].upper(), ""]
    lines += [f"{label}: {value}" for label, value in facts["fields"]]
    if facts.get("schedule"):
        lines += ["", "Schedule of capacities (local time)"]
        lines += [f"- {_in_a_line(row)}" for row in facts["schedule"]]
        lines += [f"  Without: {words}" for words in facts["without"]]
        lines += [f"  The clocks change on {words}." for words in facts["clock_changes"]]
    for heading, paragraphs in facts.get("parts", ()):
        lines += ["", heading, *paragraphs]
    if facts.get("conditions"):
        lines += ["", "Only capacity bought from these sites counts, up to so much from each"]
        lines += [f"- {each['site']}: {each['kw']}" for each in facts["conditions"]]
    lines += ["", "Clauses"]
    lines += [f"{n}. {clause}" for n, clause in enumerate(facts["clauses"], 1)]
    return "\n".join(lines) + "\n"


def _in_a_line(row: Mapping[str, Any]) -> str:
    return (
        f"{row['from']} to {row['to']}, {row['days']}, {row['hours']}: {row['kw']}, "
        f"in {row['half_hours']} half-hours"
    )
