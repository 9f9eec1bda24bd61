"""The DSO's portal: Django's admin behind our own log-in."""

from __future__ import annotations

from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path

from core import clock
from core.web.actors import actor_of

OWN_APPS = frozenset({"core", "participants", "connections", "psa", "nmf", "wsc"})


class DsoAdminSite(AdminSite):
    """For members of a network operator, with a second factor outside the demo."""

    site_header = "Whole system coordinator"
    site_title = "WSC"
    index_title = "Control room"
    enable_nav_sidebar = False  # lists need the width; the header leads to what engineers use
    index_template = "admin/wsc/index.html"

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Take our own models only: other packages' hold secrets (second factors, say)."""
        models = model_or_iterable
        models = [models] if isinstance(models, type) else list(models)
        own = [model for model in models if model._meta.app_label in OWN_APPS]
        super().register(own, admin_class, **options)

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Show what waits for the DSO above the list of tables."""
        from wsc.queues import queues

        extra = {"queues": queues(at=clock.now()), **(extra_context or {})}
        return super().index(request, extra)

    def get_urls(self) -> list[URLResolver | URLPattern]:
        from connections.admin import board, imports
        from wsc.admin import areas, roles

        own = [
            path("sites/import/", self.admin_view(imports.import_view), name="site_import"),
            path(
                "sites/import/<int:file_id>/",
                self.admin_view(imports.file_view),
                name="site_file",
            ),
            path("roles/", self.admin_view(roles.roles_view), name="roles"),
            path("applications/", self.admin_view(board.board_view), name="applications"),
            path("areas/", self.admin_view(areas.states_view), name="area_states"),
            path(
                "models/<int:model_id>/study-open-contracts/",
                self.admin_view(areas.study_on_model_view),
                name="study_on_model",
            ),
            path("areas/<int:area_id>/", self.admin_view(areas.state_view), name="area_state"),
        ]
        return [*own, *super().get_urls()]

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:  # noqa: FBT001, FBT002  # Django's
        """Hide every page from whoever has no portal and is logged in: a log-in would not help."""
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def hidden(request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
            from participants.permissions import enters_portal

            person = request.user
            if person.is_authenticated and not enters_portal(person):
                raise Http404
            answer: HttpResponse = inner(request, *args, **named)
            return answer

        return hidden

    def has_permission(self, request: HttpRequest) -> bool:
        from participants.permissions import enters_portal  # models, once they are there
        from participants.second_factor import has_second_factor

        return enters_portal(request.user) and (
            settings.DEMO or has_second_factor(actor_of(request.user).person())
        )

    def login(
        self,
        request: HttpRequest,
        extra_context: dict[str, Any] | None = None,  # noqa: ARG002  # Django's signature
    ) -> HttpResponse:
        """Send people to the one log-in page, or to enrol the second factor that is missing."""
        if request.user.is_authenticated and request.user.is_staff:
            return redirect("mfa_index")
        return redirect_to_login(request.GET.get("next", "/dso/"), settings.LOGIN_URL)
