from __future__ import annotations

from django.urls import URLPattern, path

from connections.views import (
    agreements,
    applications,
    measures,
    notices,
    register,
    registering,
    sites,
    tcvns,
    varying,
)

app_name = "connections"
urlpatterns: list[URLPattern] = [
    path("sites/", sites.site_list, name="sites"),
    path("sites/<int:pk>/", sites.site_page, name="site"),
    path("sites/<int:pk>/capacity-register/", register.register_page, name="register"),
    path("register/statements/<int:pk>.pdf", register.statement_pdf, name="statement"),
    path("sites/<int:pk>/register.csv", register.register_csv, name="register-csv"),
    path("agreements/<int:pk>/", agreements.p2p_agreement, name="p2p-agreement"),
    *(
        path(
            f"agreements/<int:pk>/{move}/",
            getattr(agreements, f"{move}_p2p_agreement"),
            name=f"{move}-p2p-agreement",
        )
        for move in ("execute", "decline", "end")
    ),
    path("agreements/<int:pk>/calendar.ics", agreements.p2p_calendar, name="p2p-calendar"),
    *(
        path(
            f"agreements/<int:pk>/agreement.{kind}",
            agreements.p2p_document,
            {"kind": kind},
            name=name,
        )
        for kind, name in (("txt", "p2p-text"), ("pdf", "p2p-pdf"))
    ),
    path("applications/", applications.application_list, name="applications"),
    path(
        "applications/registrations/<int:pk>/", applications.registration_page, name="registration"
    ),
    path("applications/registrations/new/", registering.new_registration, name="new-registration"),
    path("applications/registrations/<int:pk>/site/", registering.site, name="registration-site"),
    *(
        path(
            f"applications/registrations/<int:pk>/{page}/",
            registering.answers,
            {"page": page},
            name=f"registration-{page}",
        )
        for page in ("assets", "capacity", "times")
    ),
    path(
        "applications/registrations/<int:pk>/documents/",
        registering.documents,
        name="registration-documents",
    ),
    path(
        "applications/registrations/<int:pk>/submit/",
        registering.submit,
        name="registration-submit",
    ),
    path(
        "applications/registrations/<int:pk>/messages/",
        applications.write_to_registration,
        name="write-to-registration",
    ),
    path(
        "applications/registrations/<int:pk>/preparers/",
        applications.invite_preparer,
        name="invite-preparer",
    ),
    path(
        "applications/preparers/<int:pk>/accept/",
        applications.accept_preparing,
        name="accept-preparing",
    ),
    path("applications/preparers/<int:pk>/end/", applications.end_preparing, name="end-preparing"),
    path("applications/tcvns/<int:pk>/messages/", tcvns.write_to_tcvn, name="write-to-tcvn"),
    path("documents/<int:pk>/", applications.document, name="document"),
    path("documents/<int:pk>/remove/", registering.remove_document, name="remove-document"),
    path("applications/tcvns/new/", tcvns.new_tcvn, name="new-tcvn"),
    path("applications/tcvns/<int:pk>/", tcvns.tcvn_page, name="tcvn"),
    path("applications/tcvns/<int:pk>/change/", tcvns.change_tcvn, name="change-tcvn"),
    path("applications/tcvns/<int:pk>/submit/", tcvns.submit_tcvn, name="submit-tcvn"),
    path("applications/tcvns/<int:pk>/withdraw/", tcvns.withdraw_tcvn, name="withdraw-tcvn"),
    path("applications/tcvns/<int:pk>/execute/", notices.execute_tcvn, name="execute-tcvn"),
    path("applications/tcvns/<int:pk>/calendar.ics", notices.tcvn_calendar, name="tcvn-calendar"),
    path("applications/tcvns/<int:pk>/at-the-site/", measures.measures, name="tcvn-measures"),
    path("applications/tcvns/<int:pk>/vary/", varying.vary_tcvn, name="vary-tcvn"),
    path("applications/tcvns/<int:pk>/decline/", notices.decline_tcvn, name="decline-tcvn"),
    *(
        path(
            f"applications/tcvns/<int:pk>/notice.{kind}",
            notices.tcvn_document,
            {"kind": kind},
            name=name,
        )
        for kind, name in (("txt", "notice"), ("pdf", "notice-pdf"))
    ),
]
