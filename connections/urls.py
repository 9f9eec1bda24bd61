from __future__ import annotations

from django.urls import URLPattern, path

from connections.views import applications, register, sites

app_name = "connections"
urlpatterns: list[URLPattern] = [
    path("sites/", sites.site_list, name="sites"),
    path("sites/new/", sites.new_site, name="new-site"),
    path("sites/<int:pk>/", sites.site_page, name="site"),
    path("sites/<int:pk>/capacity-register/", register.register_page, name="register"),
    path("sites/<int:pk>/register.csv", register.register_csv, name="register-csv"),
    path("sites/<int:pk>/register/", applications.start_registration, name="start-registration"),
    path("applications/", applications.application_list, name="applications"),
    path(
        "applications/registrations/<int:pk>/", applications.registration_page, name="registration"
    ),
    path("applications/tcvns/new/", applications.new_tcvn, name="new-tcvn"),
    path("applications/tcvns/<int:pk>/", applications.tcvn_page, name="tcvn"),
    path("applications/tcvns/<int:pk>/submit/", applications.submit_tcvn, name="submit-tcvn"),
    path("applications/tcvns/<int:pk>/withdraw/", applications.withdraw_tcvn, name="withdraw-tcvn"),
    path("applications/tcvns/<int:pk>/execute/", applications.execute_tcvn, name="execute-tcvn"),
    path("applications/tcvns/<int:pk>/notice.txt", applications.tcvn_document, name="notice"),
]
