"""Make a user from the command line: `./run manage add_user kim --role operator --jurisdiction seocho`."""

import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from webapp.accounts.models import Jurisdiction, User
from webapp.accounts.services import ensure_user


class Command(BaseCommand):
    help = "Make a user of a jurisdiction, or renew the role and password of the one with this name."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", choices=User.Role.values, required=True)
        parser.add_argument("--jurisdiction", required=True, help="its code")

    def handle(self, *args: Any, **options: Any) -> None:
        jurisdiction = Jurisdiction.objects.filter(code=options["jurisdiction"]).first()
        if jurisdiction is None:
            known = ", ".join(Jurisdiction.objects.order_by("code").values_list("code", flat=True)) or "none yet"
            raise CommandError(f"There is no jurisdiction {options['jurisdiction']!r}. Known: {known}.")
        password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
        try:
            validate_password(password, User(username=options["username"]))
        except ValidationError as error:
            raise CommandError("The password will not do: " + " ".join(error.messages)) from error
        user = ensure_user(username=options["username"], role=options["role"], jurisdiction=jurisdiction, password=password)
        self.stdout.write(f"{user.username}: {user.role} of {jurisdiction.code}")
