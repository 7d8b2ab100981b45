"""Rulings as a person reads and corrects them, and published figures as a person looks at them."""

import os

import pytest
from django.conf import settings as django_settings
from playwright.sync_api import Page, expect

from tests.factories import make_jurisdiction, make_user
from tests.integration.test_statistics_pages import make_set, year
from tests.rulings import TEXT, make_ruling
from webapp.audit.models import AuditEntry
from webapp.crimes.models import RulingFact

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def place():
    return make_jurisdiction()


@pytest.fixture
def reader(browser_page: Page, client, live_site: str, place) -> Page:
    """The page of an analyst, signed in by session."""
    client.force_login(make_user(place, "analyst"))
    session = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    browser_page.context.add_cookies([{"name": django_settings.SESSION_COOKIE_NAME, "value": session, "url": live_site}])
    return browser_page


def keep(page: Page, name: str) -> None:
    """Keep a screenshot where HAECHI_SCREENSHOTS names a folder."""
    if folder := os.environ.get("HAECHI_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def select_words(page: Page, words: str) -> None:
    """Select words of the ruling as a mouse would, also across marks."""
    page.evaluate(
        """(words) => {
          const walker = document.createTreeWalker(document.getElementById("ruling-text"), NodeFilter.SHOW_TEXT);
          const nodes = [];
          while (walker.nextNode()) nodes.push(walker.currentNode);
          const whole = nodes.map((node) => node.data).join("");
          const from = whole.indexOf(words), to = from + words.length;
          const range = document.createRange();
          let at = 0;
          for (const node of nodes) {
            const end = at + node.data.length;
            if (from >= at && from < end) range.setStart(node, from - at);
            if (to > at && to <= end) range.setEnd(node, to - at);
            at = end;
          }
          const selection = getSelection();
          selection.removeAllRanges();
          selection.addRange(range);
        }""",
        words,
    )


def test_a_fact_and_its_words_light_up_together(reader: Page, place):
    ruling = make_ruling(place)
    reader.goto(f"/rulings/{ruling.pk}/")
    fact = ruling.facts.get(value="following")
    mark = reader.locator(f'mark[data-facts~="{fact.pk}"]')
    expect(mark).to_have_text("뒤따라")
    reader.locator(f'[data-fact="{fact.pk}"]').focus()
    expect(mark).to_have_class("fact-mark group-risk is-shown")
    mark.hover()
    expect(reader.locator(f'[data-fact="{fact.pk}"]')).to_have_class("fact-chip group-risk is-shown")
    expect(reader.locator("#ruling-text")).to_contain_text("<script>alert(1)</script>")
    keep(reader, "ruling")


def test_pointing_at_a_fact_brings_its_words_into_the_window_and_leaves_the_page_where_it_is(reader: Page, place):
    long = "\n긴 이유가 이어진다." * 100
    text = f"{TEXT}{long}\n그러다가 도망하였다.{long}\n끝으로 절취하였다."
    ruling = make_ruling(place, [(0, "risk_factor", "running", "도망하였다"), (0, "category", "theft", "절취하였다")], text=text)
    reader.goto(f"/rulings/{ruling.pk}/")
    mark = reader.locator("mark", has_text="도망하였다")
    expect(mark).not_to_be_in_viewport()
    before = reader.evaluate("scrollY")
    reader.locator("[data-field=risk_factor]").focus()
    expect(mark).to_be_in_viewport()
    assert reader.evaluate("scrollY") == before
    reader.locator("[data-field=category]").focus()
    expect(reader.locator("mark", has_text="절취하였다")).to_be_in_viewport()


def test_kinds_of_facts_can_be_hidden_and_the_address_keeps_it(reader: Page, place):
    ruling = make_ruling(place)
    reader.goto(f"/rulings/{ruling.pk}/")
    reader.locator("[data-group=risk]").uncheck()
    assert reader.url.endswith("?hide=risk")
    reader.reload()
    expect(reader.locator("[data-group=risk]")).not_to_be_checked()
    line = reader.locator("mark.group-risk").first.evaluate("(mark) => getComputedStyle(mark).textDecorationLine")
    assert line == "none"


def test_selected_words_become_a_fact_at_their_place_behind_a_letter_of_two_units(reader: Page, place):
    ruling = make_ruling(place, [(0, "category", "robbery", ""), (0, "risk_factor", "following", "뒤따라갔다")])
    reader.goto(f"/rulings/{ruling.pk}/")
    select_words(reader, "따라갔다 😀 <script>")
    reader.locator("#fact-pick button").click()
    expect(reader.locator("#fact-dialog [data-quote]")).to_have_text("“따라갔다 😀 <script>”")
    reader.locator("#fact-field").select_option("risk_factor")
    reader.locator("#fact-value").select_option("loitering")
    keep(reader, "ruling-add")
    reader.locator("[data-do=save]").click()
    expect(reader.locator("#fact-dialog")).to_be_hidden()
    expect(reader.locator('[data-field=risk_factor][data-value="loitering"]')).to_be_visible()
    fact = RulingFact.objects.get(origin="person")
    assert TEXT[fact.start : fact.end] == "따라갔다 😀 <script>"
    assert AuditEntry.objects.filter(action="correct_ruling").count() == 1


def test_a_fact_is_corrected_removed_and_taken_back_by_keyboard(reader: Page, place):
    ruling = make_ruling(place)
    reader.goto(f"/rulings/{ruling.pk}/")
    chip = reader.locator("[data-field=place_kind]")
    chip.focus()
    reader.keyboard.press("Enter")
    expect(reader.locator("#fact-value")).to_be_focused()
    reader.locator("#fact-value").select_option("park")
    reader.keyboard.press("Enter")
    expect(reader.locator('[data-field=place_kind][data-value="park"][data-corrected]')).to_be_visible()
    chip.click()
    expect(reader.locator("[data-changes] p")).to_have_count(2)
    keep(reader, "ruling-correct")
    reader.locator("[data-do=remove]").click()
    gone = reader.locator(".fact-chip.is-gone")
    expect(gone).to_be_visible()
    gone.click()
    expect(reader.locator("[data-do=save]")).to_be_hidden()
    reader.locator("[data-do=take-back]").click()
    expect(gone).to_have_count(0)
    chip.click()
    reader.locator("[data-do=take-back]").click()
    expect(reader.locator('[data-field=place_kind][data-value="alley"]')).to_be_visible()
    assert RulingFact.objects.filter(ruling=ruling, origin="person").count() == 0


def test_the_list_is_narrowed_as_soon_as_a_filter_is_chosen(reader: Page, place):
    make_ruling(place)
    make_ruling(place, [(0, "category", "theft", "")])
    reader.goto("/rulings/")
    expect(reader.locator(".rulings-table tbody tr")).to_have_count(2)
    keep(reader, "rulings")
    reader.locator("#category").select_option("theft")
    reader.wait_for_url("**/rulings/?category=theft")
    expect(reader.locator(".rulings-table tbody tr")).to_have_count(1)


def test_what_rulings_say_stands_in_two_tables(reader: Page, place):
    for _ in range(6):
        make_ruling(place)
        make_ruling(place, [(0, "category", "theft", ""), (0, "risk_factor", "intrusion", ""), (0, "time", "03:00", "")])
    reader.goto("/risk-factors/")
    expect(reader.locator("table.heat")).to_have_count(2)
    expect(reader.locator("table.heat").first).to_contain_text("6/6")
    keep(reader, "risk-factors")
    reader.set_viewport_size({"width": 768, "height": 1024})
    assert reader.evaluate("document.documentElement.scrollWidth") <= 768


def test_a_published_table_is_drawn_and_turned(reader: Page, place):
    rows = [
        {"area": area, "category": category, "value": number * 3.0, "is_total": area == "합계", **year(2020 + number)}
        for area in ("합계", "서초구", "강남구")
        for category in ("절도", "폭력")
        for number in range(4)
    ]
    made = make_set(place, *rows)
    reader.goto(f"/figures/{made.pk}/")
    expect(reader.locator("[data-figures-chart] svg.chart .chart-line path")).to_have_count(2)
    keep(reader, "figures")
    reader.locator("#rows").select_option("category")
    reader.wait_for_url("**rows=category**")
    expect(reader.locator(".figures-table tbody tr")).to_have_count(2)
    assert "period" in reader.url
    reader.locator("#choice-period").select_option("2021-01-01/2021-12-31")
    reader.wait_for_url("**period=2021**")
    expect(reader.locator(".figures-bars li")).to_have_count(2)
