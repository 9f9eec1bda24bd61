from django.apps import AppConfig


class NmfConfig(AppConfig):
    name = "nmf"
    verbose_name = "Market"
