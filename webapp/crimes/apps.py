from django.apps import AppConfig


class CrimesConfig(AppConfig):
    name = "webapp.crimes"

    def ready(self) -> None:
        from webapp.common.intake import register_taker
        from webapp.crimes.rulings.intake import TABLES, take_rulings
        from webapp.crimes.rulings.services import check_undo
        from webapp.crimes.services.areas import take_areas
        from webapp.crimes.services.incidents import TABLE, take_incidents
        from webapp.crimes.services.places import take_places
        from webapp.crimes.services.statistics import take_statistics

        register_taker("incidents", take_incidents, tables=(TABLE,))
        register_taker("rulings", take_rulings, tables=TABLES, before_undo=check_undo)
        register_taker("areas", take_areas, tables=("crimes_area",))
        register_taker("places", take_places, tables=("crimes_place",))
        register_taker("statistics", take_statistics, tables=("crimes_statisticset",))
