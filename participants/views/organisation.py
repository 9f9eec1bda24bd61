from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core import clock
from core.retry import retried
from core.web.actors import actor_of, email, user_id
from core.web.forms import attempt
from participants import queries
from participants.forms import InvitationForm, SettingsForm, TokenForm
from participants.middleware import SESSION_KEY, membership_of
from participants.models import ApiToken, Invitation, Membership
from participants.permissions import manages
from participants.services import organisations
from participants.states import PEER_ROLES, OrganisationKind, Role


def _membership(request: HttpRequest) -> Membership:
    found = membership_of(request)
    if found is None:
        raise Http404
    return found


@login_required
@require_safe
def organisation(request: HttpRequest) -> HttpResponse:
    """Members, terms, settings; or, for a person without an organisation, open invitations."""
    invited = organisations.open_invitations(clock.now()).filter(email__iexact=email(request))
    membership = membership_of(request)
    context: dict[str, object] = {"invited": invited.select_related("organisation")}
    if membership is not None:
        mine = membership.organisation
        context |= {
            "organisation": mine,
            "membership": membership,
            "others": queries.memberships_of(user_id(request)).exclude(pk=membership.pk),
            "members": mine.memberships.select_related("user").order_by("user__email"),
            "invitations": organisations.open_invitations(clock.now()).filter(organisation=mine),
            "manages": manages(membership),
            "is_peer": mine.kind != OrganisationKind.DSO,
            "terms": [
                (document, queries.accepted(mine.pk).get(kind))
                for kind, document in sorted(queries.current_terms().items())
            ],
            "opted_in": queries.is_opted_in(mine.pk),
            "form": InvitationForm(),
            "settings": SettingsForm(instance=mine),
            "roles": [role for role in Role if role in PEER_ROLES],
        }
    return render(request, "participants/organisation.html", context)


@login_required
@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    chosen = request.POST.get("organisation", "")
    if not chosen.isdecimal():
        raise Http404
    wanted = get_object_or_404(
        queries.memberships_of(user_id(request)), organisation_id=int(chosen)
    )
    request.session[SESSION_KEY] = wanted.organisation_id
    return redirect("/")


@login_required
@require_POST
def invite(request: HttpRequest) -> HttpResponse:
    membership = _membership(request)
    form = InvitationForm(request.POST)
    if form.is_valid():
        _, status = attempt(
            form,
            organisations.invite,
            organisation_id=membership.organisation_id,
            email=form.cleaned_data["email"],
            role=form.cleaned_data["role"],
            actor=actor_of(request.user),
            at=clock.now(),
        )
        if not form.errors:
            messages.success(request, f"{form.cleaned_data['email']} has been invited by e-mail.")
            return redirect("participants:organisation")
    else:
        status = 422
    return render(request, "participants/invite.html", {"form": form}, status=status)


@login_required
@require_POST
def accept_invitation(request: HttpRequest, pk: int) -> HttpResponse:
    get_object_or_404(Invitation, pk=pk, email__iexact=email(request))
    membership = retried(
        organisations.accept_invitation,
        invitation_id=pk,
        actor=actor_of(request.user),
        at=clock.now(),
    )
    request.session[SESSION_KEY] = membership.organisation_id
    messages.success(request, f"You are now a member of {membership.organisation}.")
    return redirect("participants:organisation")


@login_required
@require_POST
def withdraw_invitation(request: HttpRequest, pk: int) -> HttpResponse:
    membership = _membership(request)
    get_object_or_404(Invitation, pk=pk, organisation=membership.organisation)
    retried(
        organisations.withdraw_invitation,
        invitation_id=pk,
        actor=actor_of(request.user),
        at=clock.now(),
    )
    return redirect("participants:organisation")


@login_required
@require_POST
def change_role(request: HttpRequest, pk: int) -> HttpResponse:
    membership = _membership(request)
    get_object_or_404(Membership, pk=pk, organisation=membership.organisation)
    role = request.POST.get("role", "")
    if role not in Role.values:
        raise Http404
    retried(
        organisations.change_role,
        membership_id=pk,
        role=role,
        actor=actor_of(request.user),
        at=clock.now(),
    )
    messages.success(request, "The role is changed.")
    return redirect("participants:organisation")


@login_required
@require_POST
def remove_member(request: HttpRequest, pk: int) -> HttpResponse:
    membership = _membership(request)
    get_object_or_404(Membership, pk=pk, organisation=membership.organisation)
    retried(
        organisations.remove_member, membership_id=pk, actor=actor_of(request.user), at=clock.now()
    )
    messages.success(request, "The member has been removed.")
    return redirect("participants:organisation")


@login_required
@require_POST
def change_settings(request: HttpRequest) -> HttpResponse:
    membership = _membership(request)
    form = SettingsForm(request.POST)
    if not form.is_valid():
        return render(request, "participants/settings.html", {"form": form}, status=422)
    retried(
        organisations.change_settings,
        organisation_id=membership.organisation_id,
        actor=actor_of(request.user),
        at=clock.now(),
        **form.cleaned_data,
    )
    messages.success(request, "The settings are kept.")
    return redirect("participants:organisation")


@require_safe
def terms(request: HttpRequest) -> HttpResponse:
    documents = sorted(queries.current_terms().items())
    return render(request, "participants/terms.html", {"documents": documents})


@login_required
@require_POST
def accept_terms(request: HttpRequest, pk: int) -> HttpResponse:
    membership = _membership(request)
    if pk not in {document.pk for document in queries.current_terms().values()}:
        raise Http404
    retried(
        organisations.accept_terms,
        document_id=pk,
        organisation_id=membership.organisation_id,
        actor=actor_of(request.user),
        at=clock.now(),
    )
    messages.success(request, "The terms are accepted.")
    return redirect("participants:organisation")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """List one's tokens in this organisation, and make new ones: each is shown once."""
    membership = _membership(request)
    form, text, status = TokenForm(request.POST or None), "", 200
    if request.method == "POST" and form.is_valid():
        made, status = attempt(
            form,
            organisations.issue_token,
            organisation_id=membership.organisation_id,
            name=form.cleaned_data["name"],
            scope=form.cleaned_data["scope"],
            lasts=timedelta(days=form.cleaned_data["days"]),
            actor=actor_of(request.user),
            at=clock.now(),
        )
        text = made[1] if made else ""
    mine = ApiToken.objects.filter(user_id=user_id(request), organisation=membership.organisation)
    context = {"form": form, "text": text, "tokens": mine.order_by("-created")}
    return render(request, "participants/tokens.html", context, status=status)


@login_required
@require_POST
def revoke_token(request: HttpRequest, token_key: str) -> HttpResponse:
    token = get_object_or_404(ApiToken, token_key=token_key, user_id=user_id(request))
    retried(
        organisations.revoke_token, digest=token.pk, actor=actor_of(request.user), at=clock.now()
    )
    messages.success(request, "The token is revoked.")
    return redirect("participants:tokens")
