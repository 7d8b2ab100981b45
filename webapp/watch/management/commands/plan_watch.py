"""`plan_watch --jurisdiction CODE`: a published watch plan for the slot that is on, made now where there is none yet."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.accounts.models import Jurisdiction
from webapp.common.errors import HaechiError


class Command(BaseCommand):
    help = "Make and publish the watch plan of the current or next slot, unless the current forecast already has one for it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--jurisdiction", required=True, metavar="CODE", help="code of the jurisdiction, like seocho")

    def handle(self, *args: Any, **options: Any) -> None:
        from webapp.watch.services import ensure_plan

        jurisdiction = Jurisdiction.objects.filter(code=options["jurisdiction"]).first()
        if jurisdiction is None:
            raise CommandError(_("There is no jurisdiction with the code %(code)s.") % {"code": options["jurisdiction"]})
        try:
            plan, made = ensure_plan(jurisdiction=jurisdiction, now=timezone.now())
        except HaechiError as error:
            raise CommandError(error.message) from error
        if not made:
            self.stdout.write(_("The watch plan of this slot is already published."))
            return
        share = plan.expected_captured / plan.expected_incidents if plan.expected_incidents else 0.0
        baseline = plan.expected_by_count / plan.expected_incidents if plan.expected_incidents else 0.0
        fields = {
            "slot": plan.slot_start.astimezone(jurisdiction.zone).strftime("%Y-%m-%d %H:%M"),
            "chosen": plan.items.count(),
            "all": plan.camera_count,
            "share": f"{share:.1%}",
            "baseline": f"{baseline:.1%}",
        }
        self.stdout.write(
            _(
                "Watch plan for %(slot)s published: %(chosen)s of %(all)s cameras see %(share)s of the expected incidents "
                "(chosen by past counts alone: %(baseline)s)."
            )
            % fields
        )
