from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, OperationalError
from django.test import RequestFactory
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.test import APIClient, APIRequestFactory, force_authenticate
from rest_framework.views import APIView

from core import clock
from core.api.idempotency import idempotent
from core.api.problems import exception_handler
from core.errors import BusyError, NotPermittedError, Refusal, RefusedError, WrongStateError
from core.models import IdempotencyKey
from core.periods import HALF_HOUR
from core.retry import retried
from core.web.faults import server_error
from participants.models import Organisation, User
from tests.make import AT, locked_elsewhere, make_member, make_organisation, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def at_the_time() -> Iterator[None]:
    with clock.frozen(AT):
        yield


class Makes(APIView):
    """Makes an organisation by name; refuses the name "no" after the fact."""

    authentication_classes = []

    @idempotent
    def post(self, request: Request) -> Response:
        made = make_organisation(dict(request.data)["name"])
        if made.name == "no":
            raise RefusedError([Refusal("name_no", "Not that one.", "name")])
        return Response({"id": made.pk, "kw": Decimal("1.500")}, status=201)


def post(user: User, name: str, key: str | None) -> Response:
    headers = {} if key is None else {"HTTP_IDEMPOTENCY_KEY": key}
    request = APIRequestFactory().post("/x/", {"name": name}, format="json", **headers)
    force_authenticate(request, user)
    answer = Makes.as_view()(request)
    answer.render()
    return answer


def body(answer: Response) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.content)
    return found


def test_the_same_key_gives_the_same_answer_and_takes_effect_once() -> None:
    user = make_user()

    first, second = post(user, "a", "k"), post(user, "a", "k")

    assert (first.status_code, second.status_code) == (201, 201)
    assert body(first) == body(second)
    assert second["Idempotent-Replayed"] == "true"
    assert Organisation.objects.count() == 1


def test_a_key_belongs_to_its_user() -> None:
    post(make_user(), "a", "k")

    assert post(make_user(), "b", "k").status_code == 201
    assert Organisation.objects.count() == 2


def test_a_key_with_another_body_is_refused() -> None:
    user = make_user()
    post(user, "a", "k")

    answer = post(user, "b", "k")

    assert answer.status_code == 422
    assert [each["code"] for each in body(answer)["errors"]] == ["idempotency_key_reused"]
    assert Organisation.objects.count() == 1


def test_a_refusal_is_not_kept_and_takes_its_effect_back() -> None:
    user = make_user()

    assert [post(user, "no", "k").status_code for _ in range(2)] == [422, 422]

    assert (Organisation.objects.count(), IdempotencyKey.objects.count()) == (0, 0)


def test_without_a_key_nothing_is_kept() -> None:
    user = make_user()

    assert post(user, "a", None).status_code == 201
    assert IdempotencyKey.objects.count() == 0
    assert post(user, "b", "k" * 201).status_code == 422


@pytest.mark.django_db(transaction=True)
def test_a_call_whose_key_is_under_way_is_told_so() -> None:
    user = make_user()
    from hashlib import sha256

    number = int.from_bytes(sha256(f"{user.pk} k".encode()).digest()[:8], signed=True)
    with locked_elsewhere(number):
        answer = post(user, "a", "k")

    assert (answer.status_code, body(answer)["code"]) == (409, "idempotency_key_in_flight")
    assert Organisation.objects.count() == 0


def test_an_old_key_is_forgotten() -> None:
    user = make_user()
    post(user, "a", "k")

    with clock.frozen(AT + timedelta(days=8)):
        post(user, "b", "other")

    assert list(IdempotencyKey.objects.values_list("key", flat=True)) == ["other"]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (NotPermittedError("role_needed", "No."), 403, "role_needed"),
        (WrongStateError("contract.accept", "No."), 409, "contract.accept"),
        (BusyError(), 503, "busy"),
    ],
)
def test_an_expected_error_is_a_problem_with_its_code(
    error: Exception, status: int, code: str
) -> None:
    answer = exception_handler(error, {})

    assert answer is not None
    assert (answer.status_code, answer.data["status"], answer.data["code"]) == (
        status,
        status,
        code,
    )
    assert answer.content_type == "application/problem+json"
    assert answer.headers.get("Retry-After") == ("2" if status == 503 else None)


def test_a_refusal_tells_every_reason_with_its_field_periods_and_kw() -> None:
    refusals = [
        Refusal("over", "Too much.", "kw", ((AT, AT + HALF_HOUR),), Decimal("2.500")),
        Refusal("late", "Too late."),
    ]

    answer = exception_handler(RefusedError(refusals), {})

    assert answer is not None
    assert answer.data["errors"] == [
        {
            "code": "over",
            "message": "Too much.",
            "field": "kw",
            "periods": [
                {
                    "starts_at": "2026-03-02T09:00:00+00:00",
                    "ends_at": "2026-03-02T09:30:00+00:00",
                }
            ],
            "by_kw": "2.500",
        },
        {"code": "late", "message": "Too late.", "field": "", "periods": [], "by_kw": None},
    ]


def test_a_missing_field_is_named() -> None:
    class Shape(serializers.Serializer[Any]):
        kw = serializers.IntegerField()
        days = serializers.ListField(child=serializers.IntegerField())

    shape = Shape(data={"days": ["x"]})
    with pytest.raises(ValidationError) as error:
        shape.is_valid(raise_exception=True)

    answer = exception_handler(error.value, {})

    assert answer is not None
    assert answer.status_code == 400
    assert [(each["field"], each["code"]) for each in answer.data["errors"]] == [
        ("kw", "required"),
        ("days.0", "invalid"),
    ]


def test_a_defect_is_no_problem_that_we_explain() -> None:
    assert exception_handler(RuntimeError("defect"), {}) is None


class _LockError(Exception):
    pgcode = "55P03"


class _TakenError(Exception):
    pgcode = "23505"


def test_a_lock_timeout_is_tried_once_more_and_then_busy() -> None:
    calls = []

    def held() -> None:
        calls.append(1)
        raise OperationalError from _LockError()

    with pytest.raises(BusyError):
        retried(held)

    assert len(calls) == 2


def test_a_name_that_a_rival_has_just_taken_is_tried_once_more() -> None:
    calls = []

    def taken() -> str:
        calls.append(1)
        if len(calls) == 1:
            raise IntegrityError from _TakenError()
        return "seen"

    assert retried(taken) == "seen"
    assert len(calls) == 2


def test_a_database_that_is_away_is_not_busy() -> None:
    def away() -> None:
        raise OperationalError("gone")

    with pytest.raises(OperationalError):
        retried(away)


def test_every_operation_of_the_api_tells_its_problems() -> None:
    answer = APIClient().get("/api/v1/openapi.json", HTTP_ACCEPT="application/vnd.oai.openapi+json")

    document = body(answer)
    assert document["openapi"] == "3.1.0"
    operations = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in {"get", "post", "put", "patch", "delete"}
    ]
    assert {path for path, _, _ in operations} >= {"/api/v1/me/", "/api/v1/notices/"}
    for path, method, operation in operations:
        expected = {"401", "403", "404", "429"} | ({"409", "422"} if method == "post" else set())
        assert expected <= set(operation["responses"]), (path, method)


def test_the_document_is_valid_and_made_without_a_warning(tmp_path: Path) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", f"--file={tmp_path / 'api.yaml'}")


def test_the_api_answers_a_stranger_with_a_problem() -> None:
    answer = APIClient().get("/api/v1/me/")

    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer["Content-Type"] == "application/problem+json"


def test_the_page_of_the_api_needs_no_exception_from_the_policy(client: Any) -> None:
    answer = client.get("/api/v1/docs/")

    assert answer.status_code == 200
    assert "default-src 'self'" in answer["Content-Security-Policy"]
    assert "unsafe" not in answer["Content-Security-Policy"]


def test_the_process_is_alive_and_ready_until_a_message_waits_too_long(client: Any) -> None:
    from core import journal

    assert client.get("/livez").status_code == 200
    assert client.get("/readyz").json()["ready"] is True
    journal.enqueue(task="tests.note", kwargs={}, at=AT - timedelta(minutes=11))

    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["oldest_message_s"]) == (503, 660)


@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_an_address_that_is_none_is_a_problem_for_programs_and_a_page_for_people(
    client: Any, method: str
) -> None:
    program = getattr(client, method)("/api/v1/requests/1.5/cancel/")
    person = getattr(client, method)("/nowhere/")

    assert (program.status_code, program.json()["code"]) == (404, "not_found")
    assert program["Content-Type"] == "application/problem+json"
    assert person.status_code == 404
    assert person["Content-Type"].startswith("text/html")


def test_a_defect_has_a_problem_for_programs_and_a_page_for_people() -> None:
    requests = RequestFactory()

    program = server_error(requests.get("/api/v1/me/"))
    person = server_error(requests.get("/market/"))

    assert (program.status_code, json.loads(program.content)["code"]) == (500, "defect")
    assert program["Content-Type"] == "application/problem+json"
    assert person.status_code == 500
    assert b"Something went wrong" in person.content  # rendered without any context


@pytest.mark.parametrize("asked", ["", "0", "-1", "x", "1.5", "\u0661"])
def test_a_page_size_that_is_no_number_is_refused(client: Any, asked: str) -> None:
    client.force_login(make_member().user, backend="participants.auth.RoleBackend")

    answer = client.get("/api/v1/notices/", {"page_size": asked})

    assert answer.status_code == 400
    assert [each["field"] for each in answer.json()["errors"]] == ["page_size"]
    assert client.get("/api/v1/notices/", {"page_size": "1000"}).status_code == 200
