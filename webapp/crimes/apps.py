from django.apps import AppConfig


class CrimesConfig(AppConfig):
    name = "webapp.crimes"
