"""Fields that inputs of the API share."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model
from rest_framework.exceptions import ValidationError
from rest_framework.relations import PrimaryKeyRelatedField

from core.errors import NotThereError

M = TypeVar("M", bound=Model)


class VisibleRow(PrimaryKeyRelatedField[M]):
    """A row by its id, of those in ``queryset``. Any other is a 404, whether it exists or not."""

    def to_internal_value(self, data: Any) -> M:
        try:
            return super().to_internal_value(data)
        except ValidationError as error:
            if error.get_codes() == ["does_not_exist"]:
                raise NotThereError(self.field_name or "") from error
            raise
