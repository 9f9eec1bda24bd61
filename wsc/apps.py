from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class WscConfig(AppConfig):
    name = "wsc"
    verbose_name = "Whole system coordinator"


class DsoAdminConfig(admin_apps.AdminConfig):
    default = False
    default_site = "wsc.sites.DsoAdminSite"
