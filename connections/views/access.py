"""Which applications a person may open, as a member or as a preparer."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.http import content_disposition_header

from connections import queries
from connections.clock_queries import with_clocks
from connections.models import Document, Preparer, Registration, Site, Tcvn
from connections.permissions import prepares, signs_notice
from connections.states import RegistrationState
from connections.tenancies import own_tcvns
from connections.views.shared import may_trade
from core.web.actors import email, user_id
from participants.middleware import membership_of
from participants.models import Membership


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks: a member of an organisation, a preparer, or both."""

    user_id: int
    membership: Membership | None

    def belongs_to(self, organisation_id: int) -> bool:
        own = self.membership
        return own is not None and own.organisation_id == organisation_id

    def check_owns(self, row: Registration | Tcvn) -> None:
        """Hide what is not for who only prepares: handing in, withdrawing, declining, signing.

        :raises Http404: if the row is not of one's organisation, nor one signs for its site
        """
        signs = isinstance(row, Tcvn) and signs_notice(tcvn=row, user_id=self.user_id)
        if not signs and not self.belongs_to(row.organisation.pk):
            raise Http404

    def trades_for(self, organisation_id: int) -> bool:
        own = self.membership
        return own is not None and own.organisation_id == organisation_id and may_trade(own)

    def may_prepare(self, registration: Registration | None) -> bool:
        return registration is not None and (
            self.trades_for(registration.organisation_id)
            or prepares(registration_id=registration.pk, user_id=self.user_id)
        )


def reader(request: HttpRequest) -> Reader:
    return Reader(user_id(request), membership_of(request))


def prepared_by(person_id: int) -> QuerySet[Preparer]:
    return Preparer.objects.filter(user_id=person_id, ended_at=None, accepted_at__isnull=False)


def invitations_to(request: HttpRequest) -> QuerySet[Preparer]:
    """Return the invitations to prepare that wait for the person who is signed in."""
    rows = Preparer.objects.filter(email=email(request).lower(), accepted_at=None, ended_at=None)
    return rows.select_related(
        "registration__organisation", "registration__site", "registration__proposal"
    ).order_by("pk")


def registrations_open_to(who: Reader) -> QuerySet[Registration]:
    """Return the registrations of one's organisation, and those that one prepares."""
    own = Q(preparers__in=prepared_by(who.user_id))
    if who.membership is not None:
        own |= Q(organisation=who.membership.organisation)
    rows = Registration.objects.filter(own).select_related(*queries.OF_REGISTRATION)
    return with_clocks(rows.distinct().order_by("-created_at", "-pk"))


def sites_to_request_for(who: Reader) -> QuerySet[Site]:
    """Return the sites for which a person prepares requests: one's own, and those one prepares."""
    mine = Registration.objects.filter(
        state=RegistrationState.APPROVED, preparers__in=prepared_by(who.user_id)
    )
    own = Q(pk__in=mine.values("site_id"))
    if who.membership is not None:
        own |= Q(organisation=who.membership.organisation)
    return Site.objects.filter(own).order_by("name")


def tcvns_open_to(who: Reader) -> QuerySet[Tcvn]:
    """Return the TCVNs of one's organisation, and those under registrations that one prepares."""
    own = Q(registration__preparers__in=prepared_by(who.user_id))
    if who.membership is not None:
        own |= own_tcvns(who.membership.organisation)
    rows = Tcvn.objects.filter(own).select_related(
        "site__area",
        "site__organisation",
        "created_by",
        "registration",
        "tenancy__comes",
        "tenancy__leaves",
        "tenancy__signatory",
    )
    return with_clocks(rows.distinct().order_by("-created_at", "-pk"))


def registration_for(request: HttpRequest, pk: int) -> Registration:
    return get_object_or_404(registrations_open_to(reader(request)), pk=pk)


def own_registration_for(request: HttpRequest, pk: int) -> Registration:
    """Return a registration to do with what its preparers don't."""
    found = registration_for(request, pk)
    reader(request).check_owns(found)
    return found


def own_tcvn_for(request: HttpRequest, pk: int) -> Tcvn:
    """Return a TCVN to do with what its preparers don't."""
    found = tcvn_for(request, pk)
    reader(request).check_owns(found)
    return found


def tcvn_for(request: HttpRequest, pk: int) -> Tcvn:
    return get_object_or_404(tcvns_open_to(reader(request)), pk=pk)


def document_open_to(who: Reader, pk: int) -> Document:
    """Return a document of an application that one may open; the operator's people see all."""
    rows = Document.objects.select_related("registration", "tcvn")
    if who.membership is None or not who.membership.is_dso_staff:
        rows = rows.filter(
            Q(registration__in=registrations_open_to(who).values("pk").order_by())
            | Q(tcvn__in=tcvns_open_to(who).values("pk").order_by())
        )
    return get_object_or_404(rows, pk=pk)


def download_of(document: Document) -> HttpResponse:
    """Return a document as an attachment, of the kind its content is, without any right."""
    response = HttpResponse(bytes(document.content), content_type=document.media_type)
    response["Content-Disposition"] = content_disposition_header(
        as_attachment=True, filename=document.name
    )
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Cache-Control"] = "private, no-store"
    return response


def may_look(request: HttpRequest) -> Reader:
    """Return who looks at the list of applications; nobody without any gets a page."""
    who = reader(request)
    if who.membership is None:
        mine = prepared_by(who.user_id).exists() or invitations_to(request).exists()
        if not mine:
            raise Http404
    return who
