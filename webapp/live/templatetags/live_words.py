"""Words of the live pages for templates and scripts."""

from django import template
from django.utils.translation import gettext

from cctv.factors import BY_CODE, FACTORS

register = template.Library()


@register.simple_tag
def factor_words() -> dict[str, dict[str, str]]:
    """Every risk factor by its code: label and unit in the language of the page, and its kind."""
    return {
        factor.code: {
            "label": gettext(factor.label),
            "kind": factor.kind.value,
            "unit": gettext(factor.unit) if factor.unit else "",
        }
        for factor in FACTORS
    }


@register.filter
def factor_label(code: str) -> str:
    """The factor's name in the language of the page; the code itself where it is unknown."""
    return gettext(BY_CODE[code].label) if code in BY_CODE else code


@register.filter
def unlocalised(number: float) -> str:
    """A coordinate as programs write it, whatever the language of the page."""
    return f"{number:.6f}"
