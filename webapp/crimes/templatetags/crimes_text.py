"""Names of the parts of a ruling for the templates."""

from django import template

from webapp.crimes.rulings import wording

register = template.Library()


@register.filter
def section_label(kind: str) -> str:
    """What a part of a ruling is called; blank for none."""
    return wording.section_label(kind)
