from django.apps import AppConfig


class CrimesConfig(AppConfig):
    name = "webapp.crimes"

    def ready(self) -> None:
        from webapp.common.intake import register_taker

        services, rulings = "webapp.crimes.services", "webapp.crimes.rulings"
        register_taker("incidents", f"{services}.incidents.take_incidents", tables=("crimes_incident",))
        register_taker("areas", f"{services}.areas.take_areas", tables=("crimes_area",))
        register_taker("places", f"{services}.places.take_places", tables=("crimes_place",))
        register_taker("statistics", f"{services}.statistics.take_statistics", tables=("crimes_statisticset",))
        register_taker(
            "rulings",
            f"{rulings}.intake.take_rulings",
            tables=("crimes_ruling",),  # its facts go with it: the database's own cascade
            before_undo=f"{rulings}.services.check_undo",
        )
