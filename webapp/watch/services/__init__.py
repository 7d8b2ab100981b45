"""Writes of the watch room: plans, and the alerts that the live picture raises."""

from webapp.watch.services.alerts import SceneAlert, close_alert, drop_old_alerts, mark_seen, raise_alerts, read_thumbnail
from webapp.watch.services.plans import ensure_plan, make_plan, publish_plan

__all__ = [
    "SceneAlert",
    "close_alert",
    "drop_old_alerts",
    "ensure_plan",
    "make_plan",
    "mark_seen",
    "publish_plan",
    "raise_alerts",
    "read_thumbnail",
]
