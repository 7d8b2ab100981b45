from django.apps import AppConfig


class CamerasConfig(AppConfig):
    name = "webapp.cameras"
