"""`receive_mqtt`: takes events of other systems from an MQTT broker; runs until it is told to end."""

import signal
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from webapp.common.errors import HaechiError


class Command(BaseCommand):
    help = (
        "Listen to haechi/<jurisdiction>/events of the broker in HAECHI_MQTT_URL and put the events into the stream. "
        "Runs until SIGTERM; what comes while it is down the broker keeps."
    )

    requires_system_checks: list[str] = []  # they would load every page: 90 MB

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", default="haechi", help="of the session at the broker; the same after a restart")

    def handle(self, *args: Any, **options: Any) -> None:
        from webapp.cameras.services.event_mqtt import MqttIntake, read_broker

        if not settings.MQTT_URL:
            raise CommandError("HAECHI_MQTT_URL is not set. Set it to the broker, like mqtt://user:password@host:1883.")
        try:
            intake = MqttIntake(read_broker(settings.MQTT_URL, name=options["name"]))
        except HaechiError as error:
            raise CommandError(error.message) from error
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: intake.stop())
        intake.run()
        self.stdout.write(f"{intake.taken} events taken")
