from django.apps import AppConfig


class CamerasConfig(AppConfig):
    name = "webapp.cameras"

    def ready(self) -> None:
        from webapp.common.intake import register_taker

        register_taker("cameras", "webapp.cameras.services.take_cameras", tables=("cameras_camera",))
