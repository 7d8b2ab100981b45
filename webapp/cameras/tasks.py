"""Recurring work of the camera room, run by Celery."""

from celery import shared_task


@shared_task
def keep_events() -> None:
    """Make the partitions of the days to come, drop those that are old enough, delete thumbnails to the hour."""
    from django.utils import timezone

    from webapp.cameras.services.event_days import keep_events

    keep_events(now=timezone.now())


@shared_task
def count_places() -> None:
    """Count the last hours of the places whose people are counted. Sent by beat."""
    from django.utils import timezone

    from webapp.cameras.services.places import count_places

    count_places(now=timezone.now())
