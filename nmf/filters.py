"""How the board, the lists and the API narrow down and order requests and contracts."""

from __future__ import annotations

import django_filters
from django.core.validators import MaxValueValidator
from django.forms import DateInput
from drf_spectacular.utils import extend_schema_field

from connections.filters import IdFilter
from connections.models import Area
from connections.states import Direction
from nmf.models import Contract, Request, Response
from nmf.states import ContractState, RequestState, ResponseState, Route, Side

DATE = DateInput(attrs={"type": "date"})
SERVICES = [(Direction.IMPORT.value, "EMIC (import)"), (Direction.EXPORT.value, "EMEC (export)")]


class YesNo(django_filters.widgets.BooleanWidget):
    def __init__(self, attrs: dict[str, str] | None = None) -> None:
        super().__init__(attrs)
        self.choices = [("", "Any"), ("true", "Yes"), ("false", "No")]


MOST = 1_000_000_000


@extend_schema_field({"type": "number", "maximum": MOST})
class AmountFilter(django_filters.NumberFilter):
    def get_max_validator(self) -> MaxValueValidator:
        return MaxValueValidator(MOST)


class RequestFilter(django_filters.FilterSet):
    direction = django_filters.ChoiceFilter(label="Service", choices=SERVICES, empty_label="Any")
    side = django_filters.ChoiceFilter(label="Side", choices=Side.choices, empty_label="Any")
    route = django_filters.ChoiceFilter(label="Route", choices=Route.choices, empty_label="Any")
    area = django_filters.ModelChoiceFilter(
        label="Area",
        field_name="site__area",
        queryset=Area.objects.order_by("name"),
        empty_label="Any",
    )
    delivery_from = django_filters.DateFilter(
        label="Delivery from", field_name="last_date", lookup_expr="gte", widget=DATE
    )
    delivery_to = django_filters.DateFilter(
        label="Delivery to", field_name="first_date", lookup_expr="lte", widget=DATE
    )
    kw_min = AmountFilter(label="kW at least", field_name="kw", lookup_expr="gte")
    kw_max = AmountFilter(label="kW at most", field_name="kw", lookup_expr="lte")
    price_min = AmountFilter(
        label="£/kW/h at least", field_name="price_gbp_per_kwh", lookup_expr="gte"
    )
    price_max = AmountFilter(
        label="£/kW/h at most", field_name="price_gbp_per_kwh", lookup_expr="lte"
    )
    sort = django_filters.OrderingFilter(
        label="Sort by",
        empty_label="Usual order",
        fields=[
            ("starts_at", "starts_at"),
            ("kw", "kw"),
            ("price_gbp_per_kwh", "price"),
            ("created_at", "created_at"),
        ],
        field_labels={
            "starts_at": "Delivery",
            "kw": "Capacity",
            "price_gbp_per_kwh": "Price",
            "created_at": "Published",
        },
    )

    class Meta:
        model = Request
        fields: list[str] = []


class RequestListFilter(RequestFilter):
    state = django_filters.ChoiceFilter(
        label="State", choices=RequestState.choices, empty_label="Any"
    )


class RequestApiFilter(RequestFilter):
    state = django_filters.MultipleChoiceFilter(label="State", choices=RequestState.choices)
    area = IdFilter(field_name="site__area_id")


class ResponseListFilter(django_filters.FilterSet):
    state = django_filters.MultipleChoiceFilter(label="State", choices=ResponseState.choices)
    request = IdFilter(field_name="request_id")

    class Meta:
        model = Response
        fields: list[str] = []


class ContractFilter(django_filters.FilterSet):
    state = django_filters.ChoiceFilter(
        label="State", choices=ContractState.choices, empty_label="Any"
    )
    direction = django_filters.ChoiceFilter(label="Service", choices=SERVICES, empty_label="Any")
    at_risk = django_filters.BooleanFilter(
        label="At risk",
        field_name="at_risk_since",
        lookup_expr="isnull",
        exclude=True,
        widget=YesNo,
    )
    delivery_from = django_filters.DateFilter(
        label="Delivery from", field_name="last_date", lookup_expr="gte", widget=DATE
    )
    delivery_to = django_filters.DateFilter(
        label="Delivery to", field_name="first_date", lookup_expr="lte", widget=DATE
    )
    sort = django_filters.OrderingFilter(
        label="Sort by",
        empty_label="Usual order",
        fields=[
            ("starts_at", "starts_at"),
            ("sold_kw", "kw"),
            ("value_gbp", "value"),
            ("agreed_at", "agreed_at"),
        ],
        field_labels={
            "starts_at": "Delivery",
            "sold_kw": "Capacity",
            "value_gbp": "Value",
            "agreed_at": "Agreed",
        },
    )

    class Meta:
        model = Contract
        fields: list[str] = []
