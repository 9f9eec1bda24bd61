"""Fields that inputs of the API share."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework.exceptions import ValidationError
from rest_framework.relations import PrimaryKeyRelatedField, SlugRelatedField

from core.errors import NotThereError

M = TypeVar("M", bound=Model)


class VisibleRow(PrimaryKeyRelatedField[M]):
    """A row by its id, of those in ``queryset``. Any other is a 404, whether it exists or not."""

    def to_internal_value(self, data: Any) -> M:
        try:
            return super().to_internal_value(data)
        except ValidationError as error:
            raise _not_there(error, self.field_name) from error


@extend_schema_field(OpenApiTypes.STR)
class NamedRow(SlugRelatedField[M]):
    """A row by its name, in capitals or not, of those in ``queryset``. Any other is a 404."""

    def __init__(self, *, named_by: str, **kwargs: Any) -> None:
        super().__init__(slug_field=f"{named_by}__iexact", **kwargs)

    def to_internal_value(self, data: Any) -> M:
        if not isinstance(data, str):
            self.fail("invalid")
        try:
            return super().to_internal_value(data)
        except ValidationError as error:
            raise _not_there(error, self.field_name) from error


def _not_there(error: ValidationError, field: str | None) -> Exception:
    return NotThereError(field or "") if error.get_codes() == ["does_not_exist"] else error
