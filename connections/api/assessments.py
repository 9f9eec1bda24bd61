"""What is known of an application before it is answered: its studies, and its checklist."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rest_framework import serializers

from connections.checking import checks_proposed
from connections.models import Registration
from connections.queries import Assessment
from connections.states import CheckItem

KW: dict[str, Any] = {"max_digits": 12, "decimal_places": 3}


class SeasonShape(serializers.Serializer[Any]):
    name = serializers.CharField()
    outcome = serializers.CharField()


class ProposedSellerShape(serializers.Serializer[Any]):
    site = serializers.IntegerField()
    kw = serializers.DecimalField(**KW)


class AssessmentShape(serializers.Serializer[Any]):
    """What the latest study of a direction says: advice. ``supported`` null: no answer yet.

    ``largest_kw``: the largest ceiling that would be supported. ``study``, its ``detail`` and the
    ``sellers`` that it proposes are told to the network operator alone.
    """

    title = serializers.CharField()
    words = serializers.CharField()
    supported = serializers.BooleanField(allow_null=True)
    largest_kw = serializers.DecimalField(allow_null=True, **KW)
    seasons = SeasonShape(many=True)
    study = serializers.IntegerField(allow_null=True)
    detail = serializers.CharField(allow_null=True)
    sellers = ProposedSellerShape(many=True)


def assessment_as_values(found: Assessment, *, to_operator: bool) -> dict[str, Any]:
    return {
        "title": found.title,
        "words": found.words,
        "supported": found.supported,
        "largest_kw": found.largest_kw,
        "seasons": [{"name": name, "outcome": outcome} for name, outcome in found.seasons],
        "study": found.study_id if to_operator else None,
        "detail": found.detail if to_operator else None,
        "sellers": [{"site": site, "kw": kw} for site, kw in found.sellers] if to_operator else [],
    }


class CheckShape(serializers.Serializer[Any]):
    """An item of the checklist. ``met`` null: not looked at yet.

    What the records say of it is told to the network operator alone.
    """

    item = serializers.ChoiceField(CheckItem.choices)
    what = serializers.CharField()
    met = serializers.BooleanField(allow_null=True)
    note = serializers.CharField()
    records_say_met = serializers.BooleanField(allow_null=True)
    records_say = serializers.CharField(allow_null=True)


def checklist(row: Registration, *, to_operator: bool, at: datetime) -> list[dict[str, Any]]:
    proposed = checks_proposed(row, at=at) if to_operator else {}
    found = {each.item: each for each in row.checks.all()}
    values = []
    for item in CheckItem:
        says_met, says = proposed.get(item, (None, None))
        values.append(
            {
                "item": item.value,
                "what": item.label,
                "met": found[item].met if item in found else None,
                "note": found[item].note if item in found else "",
                "records_say_met": says_met,
                "records_say": says,
            }
        )
    return values
