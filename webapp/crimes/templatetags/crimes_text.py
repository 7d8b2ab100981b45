"""Names of the parts of a ruling, and figures as they are written, for the templates."""

from django import template

from webapp.crimes.rulings import wording

register = template.Library()


@register.filter
def section_label(kind: str) -> str:
    """What a part of a ruling is called; blank for none."""
    return wording.section_label(kind)


@register.filter
def figure(value: float) -> str:
    """A published figure: thousands apart, as many decimals as it has, at most three."""
    return f"{value:,.3f}".rstrip("0").rstrip(".")
