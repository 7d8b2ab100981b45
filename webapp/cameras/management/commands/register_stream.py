"""`register_stream CAMERA ADDRESS --jurisdiction CODE`: register a camera's video stream, or change it."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from webapp.accounts.models import Jurisdiction
from webapp.common.errors import HaechiError


class Command(BaseCommand):
    help = "Register a video stream of a camera of the register, or change the one of the same address (docs/streams.md)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("camera", help="number of the camera in the register")
        parser.add_argument("address", help="rtsp://, http://, https://, or a clip below the folder of clips")
        parser.add_argument("--jurisdiction", required=True, metavar="CODE", help="code of the jurisdiction, like seocho")
        parser.add_argument("--user", default="", help="user name that the camera asks for")
        parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
        parser.add_argument("--name", help="which of the camera's streams")
        parser.add_argument("--fps", type=float, help="most pictures looked at a second (default 5)")
        parser.add_argument("--height", type=int, help="taller pictures are scaled down to it (default 720)")
        parser.add_argument("--loop", action="store_true", default=None, help="a clip begins again at its end")
        parser.add_argument("--detector", help="name of a model's descriptor (default: the built-in people detector)")
        parser.add_argument("--factors", nargs="*", metavar="CODE", help="only these factors (default: all)")
        parser.add_argument("--off", dest="is_on", action="store_false", default=None, help="register it switched off")

    def handle(self, *args: Any, **options: Any) -> None:
        from webapp.cameras.services.streams import register_stream

        jurisdiction = Jurisdiction.objects.filter(code=options["jurisdiction"]).first()
        if jurisdiction is None:
            raise CommandError(_("There is no jurisdiction with the code %(code)s.") % {"code": options["jurisdiction"]})
        # Not as an argument: every user of the machine can read those of a running process.
        password = sys.stdin.readline().rstrip("\n") if options["password_stdin"] else ""
        names = ("name", "fps", "height", "loop", "detector", "factors", "is_on")
        values = {name: options[name] for name in names if options[name] is not None}
        try:
            stream = register_stream(
                jurisdiction=jurisdiction,
                camera=options["camera"],
                address=options["address"],
                user=options["user"],
                password=password,
                **values,
            )
        except HaechiError as error:
            raise CommandError(error.message) from error
        self.stdout.write(
            _("Stream %(id)s of camera %(camera)s: %(address)s")
            % {"id": stream.pk, "camera": options["camera"], "address": stream.address}
        )
