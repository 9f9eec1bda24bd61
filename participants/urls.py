from __future__ import annotations

from django.urls import URLPattern, path

from participants.views import demo_mail, notices, organisation

app_name = "participants"
urlpatterns: list[URLPattern] = [
    path("organisation/", organisation.organisation, name="organisation"),
    path("organisation/switch/", organisation.switch, name="switch"),
    path("organisation/settings/", organisation.change_settings, name="settings"),
    path("organisation/invitations/", organisation.invite, name="invite"),
    path(
        "organisation/invitations/<int:pk>/accept/",
        organisation.accept_invitation,
        name="accept-invitation",
    ),
    path(
        "organisation/invitations/<int:pk>/withdraw/",
        organisation.withdraw_invitation,
        name="withdraw-invitation",
    ),
    path("organisation/members/<int:pk>/role/", organisation.change_role, name="change-role"),
    path("organisation/members/<int:pk>/remove/", organisation.remove_member, name="remove-member"),
    path("organisation/terms/<int:pk>/accept/", organisation.accept_terms, name="accept-terms"),
    path("organisation/tokens/", organisation.tokens, name="tokens"),
    path(
        "organisation/tokens/<str:token_key>/revoke/",
        organisation.revoke_token,
        name="revoke-token",
    ),
    path("terms/", organisation.terms, name="terms"),
    path("notices/", notices.notice_list, name="notices"),
    path("notices/read/", notices.mark_read, name="mark-read"),
    path("notices/preferences/", notices.preferences, name="preferences"),
    path("notices/<int:pk>/", notices.notice_detail, name="notice"),
    path("demo/mail/", demo_mail.mail_list, name="mail-list"),
    path("demo/mail/<str:name>/", demo_mail.mail_detail, name="mail"),
]
