from django.apps import AppConfig


class CrimesConfig(AppConfig):
    name = "webapp.crimes"

    def ready(self) -> None:
        from webapp.common.intake import register_taker
        from webapp.crimes.incident_intake import TABLE, take_incidents
        from webapp.crimes.rulings.intake import TABLES, take_rulings
        from webapp.crimes.rulings.services import check_undo

        register_taker("incidents", take_incidents, tables=(TABLE,))
        register_taker("rulings", take_rulings, tables=TABLES, before_undo=check_undo)
