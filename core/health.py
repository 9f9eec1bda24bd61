"""Is the process alive, and is the system ready: for load balancers and health checks."""

from __future__ import annotations

from datetime import timedelta

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from core import clock
from core.models import OutboxMessage

OLDEST_ALLOWED = timedelta(minutes=10)


@require_safe
def livez(_request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "alive"})


@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """Answer 200 if the database answers, is migrated, and no message waits for long."""
    checks: dict[str, object] = {}
    try:
        executor = MigrationExecutor(connection)
        checks["migrated"] = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        now = clock.now()
        oldest = (
            OutboxMessage.objects.due(now).order_by("not_before").values_list("not_before").first()
        )
        age = (now - oldest[0]) if oldest else timedelta(0)
        checks["oldest_message_s"] = round(age.total_seconds())
        checks["dead_letters"] = OutboxMessage.objects.dead(now).count()
        ready = bool(checks["migrated"]) and age < OLDEST_ALLOWED
    except DatabaseError:
        checks["database"] = False
        ready = False
    return JsonResponse({"ready": ready, **checks}, status=200 if ready else 503)
