"""The API is what its OpenAPI document says, for what fits the document and for what does not.

schemathesis makes the calls: each operation with data that the document allows and with data that
it forbids, on rows that are there and on rows that are not. Seeds are fixed.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from schemathesis import Case, GenerationMode
from schemathesis.core.failures import AcceptedNegativeData, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.openapi.checks import RejectedPositiveData
from schemathesis.schemas import APIOperation

from core import clock
from participants.models import ApiToken, User
from tests.nmf.world import AT, make_world
from tests.security import cast

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(300)]
# Of each operation, fitting and not. API_EXAMPLES=60 takes minutes, for whoever changes the API.
EXAMPLES = int(os.environ.get("API_EXAMPLES", "6"))
FIXED = hypothesis_settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
LIST = settings.BASE_DIR / "docs" / "refusals.md"
DOCUMENT: Any = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
OF = {  # the kind of object that an address of the API is about
    "requests": "to home",
    "responses": "answer of home",
    "contracts": "contract",
    "sites": "site",
    "registrations": "draft registration",
    "tcvns": "issued tcvn",
    "p2p-agreements": "offered p2p",
    "capacity-statements": "statement",
    "signatories": "signatory",
    "tenancy-changes": "tenancy change",
    "notices": "notice",
    "members": "viewer",
    "invitations": "invitation",
    "terms": "terms",
    "areas": "area",
    "peer-sites": "others_site",
    "network-events": "event",
}


WHO = {  # else the trader
    "forecasts": "manager",
    "network-events": "engineer",
    "p2p-agreements": "engineer",
    "signatories": "engineer",
    "tenancy-changes": "engineer",
    **dict.fromkeys(("organisation", "members", "invitations", "terms"), "administrator"),
}


def operations() -> dict[str, list[APIOperation]]:
    """Return the document's operations by the first part of their address."""
    accepted = ["2xx", "401", "403", "404", "409", "422"]  # 422: what no document can say
    config = schemathesis.Config.from_dict(
        {
            "checks": {"positive_data_acceptance": {"expected-statuses": accepted}},
            "generation": {"allow-x00": False},  # PostgreSQL keeps no such text
        }
    )
    schema = schemathesis.openapi.from_dict(DOCUMENT, config=config)
    schema.app = get_wsgi_application()
    found = defaultdict(list)
    for each in schema.get_all_operations():
        operation = each.ok() if isinstance(each, Ok) else pytest.fail(str(each))
        found[operation.path.split("/")[3]].append(operation)
    return dict(found)


OPERATIONS = operations()


@pytest.fixture
def caller() -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """Give the objects of the matrix, and tokens by caller."""
    for signal in (request_started, request_finished):  # the transaction stays open
        signal.disconnect(close_old_connections)
    with clock.frozen(AT):
        world = make_world()
        people = cast.people(world)
        objects = cast.objects(world, people)
        yield objects, {name: token(people[name]) for name in {"trader", *WHO.values()}}
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def token(user: User) -> str:
    organisation = user.memberships.get().organisation
    _, text = ApiToken.objects.create(
        user=user, expiry=timedelta(days=1), organisation=organisation, scope="MANAGE"
    )
    return f"Token {text}"


@pytest.mark.parametrize("part", OPERATIONS)
def test_the_api_is_what_its_document_says(part: str, caller: Any) -> None:
    objects, tokens = caller
    headers = {"Authorization": tokens[WHO.get(part, "trader")]}

    def check(case: Case) -> None:
        if isinstance(case.body, dict) and case.body.get("site"):
            case.body["site"] = objects["site"]
        with transaction.atomic():
            answer = case.call(headers=headers)
            transaction.set_rollback(True)
        listed = re.findall(r"^\| `(\S+)`", LIST.read_text(), re.MULTILINE)
        assert codes_of(answer) <= set(listed)
        try:
            case.validate_response(answer, headers=headers)
        except FailureGroup as group:
            if any(not excused(case, failure) for failure in group.exceptions):
                raise

    for operation in OPERATIONS[part]:
        names = [name for name in ("id", "site_id") if f"{{{name}}}" in operation.path]
        there = {name: objects[OF[part]] for name in names if part in OF}
        for fixed in [{}, there] if there else [{}]:
            free = operation.body or operation.query or (operation.path_parameters and not fixed)
            modes = [GenerationMode.POSITIVE, *([GenerationMode.NEGATIVE] if free else [])]
            for mode in modes:
                strategy = operation.as_strategy(mode, path_parameters=fixed or None)
                FIXED(given(case=strategy)(check))()


def codes_of(answer: Any) -> set[str]:
    """Return a problem's own code and, but of fields that can't be read, those of its reasons."""
    if not "".join(answer.headers.get("content-type", [])).startswith("application/problem+json"):
        return set()
    problem = answer.json()
    reasons = problem["errors"] if problem["status"] != 400 else []
    return {problem["code"], *(each["code"] for each in reasons)}


def excused(case: Case, failure: BaseException) -> bool:
    """Tell what no document can say, or where the API is milder: 5 for "5", an empty filter."""
    if isinstance(failure, RejectedPositiveData):
        return '"code":"overflow"' in str(failure)  # a moment near the year 1 or 9999
    if not isinstance(failure, AcceptedNegativeData):
        return False
    plain = re.search(r"violates `type`.*became (string|integer|number|boolean)", str(failure))
    left_empty = any(value in ("", [], {}) for value in (case.query or {}).values())
    return bool(plain) or left_empty
