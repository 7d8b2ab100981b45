from django.apps import AppConfig


class CamerasConfig(AppConfig):
    name = "webapp.cameras"

    def ready(self) -> None:
        from webapp.cameras.services import take_cameras
        from webapp.common.intake import register_taker

        register_taker("cameras", take_cameras, tables=("cameras_camera",))
