"""The web application: the only place where Django lives."""

from webapp.celery import app as celery_app

__all__ = ["celery_app"]
