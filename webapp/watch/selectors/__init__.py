"""Reads of the watch room: plans, alerts, and the watch list as a file."""

from webapp.watch.selectors.alerts import alert_for, alert_message, alerts_for, open_alert_count
from webapp.watch.selectors.plans import (
    PlanPage,
    Seat,
    WatchLine,
    past_counts,
    plain_cell,
    plan_for,
    plan_page,
    plans_for,
    published_plan,
    slot_to_plan,
    watch_list_csv,
)

__all__ = [
    "PlanPage",
    "Seat",
    "WatchLine",
    "alert_for",
    "alert_message",
    "alerts_for",
    "open_alert_count",
    "past_counts",
    "plain_cell",
    "plan_for",
    "plan_page",
    "plans_for",
    "published_plan",
    "slot_to_plan",
    "watch_list_csv",
]
