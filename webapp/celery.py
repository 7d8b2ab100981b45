"""The Celery application: queues, delivery guarantees and the weekly timetable come from `webapp.settings`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

app = Celery("haechi")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
