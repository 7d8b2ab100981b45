"""Published figures as pages show them: as published, nothing added up, nil told from not given."""

from datetime import date

import pytest

from tests.factories import make_user
from tests.rulings import make_upload
from webapp.common.errors import NotAllowed, NotFound
from webapp.crimes.figures import selectors
from webapp.crimes.figures.dimensions import label, period_label
from webapp.crimes.models import Statistic, StatisticSet

pytestmark = pytest.mark.django_db


def year(number):
    return {"period_from": date(number, 1, 1), "period_to": date(number, 12, 31)}


def make_set(jurisdiction, *rows, title="서울 5대 범죄", measures=("발생",)):
    upload = make_upload(jurisdiction, kind="statistics", name="5대범죄.csv")
    made = StatisticSet.objects.create(jurisdiction=jurisdiction, upload=upload, title=title, measures=list(measures))
    Statistic.objects.bulk_create(
        Statistic(jurisdiction=jurisdiction, dataset=made, source_line=line, **({"measure": "발생"} | row))
        for line, row in enumerate(rows, 4)
    )
    return made


@pytest.fixture
def crimes(jurisdiction):
    """Two gu and their total, two years, two categories: the figure of 서초구, 2023, 살인 is nil, that of 강남구 is not given."""
    rows = []
    for area in ("합계", "서초구", "강남구"):
        for number in (2023, 2024):
            for category in ("절도", "살인"):
                value = {"합계": 100, "서초구": 10, "강남구": 20}[area] + (number - 2023)
                if (category, number) == ("살인", 2023):
                    value = {"합계": 3, "서초구": 0, "강남구": None}[area]
                rows.append({"area": area, "category": category, "value": value, "is_total": area == "합계", **year(number)})
    return make_set(jurisdiction, *rows)


def test_the_list_says_what_a_table_holds(crimes, operator):
    (line,) = selectors.figure_sets(user=operator)
    assert (line.title, line.file_name, line.figures, line.areas, line.categories) == ("서울 5대 범죄", "5대범죄.csv", 12, 2, 2)
    assert (line.period, line.measures) == ("2023–2024", ("발생",))


def test_a_table_stands_by_area_and_year_with_the_rest_held_at_one_value(crimes, operator):
    page = selectors.figure_page(user=operator, set_id=crimes.pk, query={})
    assert (page.rows_by, page.columns_by) == ("area", "period")
    assert [column.label for column in page.columns] == ["2023", "2024"]
    assert [(row.value.label, row.value.is_total, [cell.value for cell in row.cells]) for row in page.rows] == [
        ("합계", True, [100, 101]),
        ("서초구", False, [10, 11]),
        ("강남구", False, [20, 21]),
    ]
    (held,) = [choice for choice in page.choices if choice.name == "category"]
    assert held.chosen == "절도"


def test_nil_is_told_from_not_given(crimes, operator, client):
    page = selectors.figure_page(user=operator, set_id=crimes.pk, query={"category": "살인"})
    first = {row.value.label: row.cells[0] for row in page.rows}
    assert (first["서초구"].value, first["서초구"].is_given) == (0, True)
    assert (first["강남구"].value, first["강남구"].is_given) == (None, True)
    assert page.missing == 1
    client.force_login(operator)
    html = client.get(f"/figures/{crimes.pk}/?category=살인").content.decode()
    assert "not given" in html
    assert "1 figure of the table is not given by the source" in html
    assert "Published figures, not incidents" in html


def test_rows_and_columns_can_be_chosen_and_an_axis_narrowed(crimes, operator):
    page = selectors.figure_page(user=operator, set_id=crimes.pk, query={"rows": "category", "columns": "area", "area": "강남구"})
    assert (page.rows_by, page.columns_by) == ("category", "area")
    assert [column.label for column in page.columns] == ["강남구"]
    assert [(row.value.label, row.cells[0].value) for row in page.rows] == [("절도", 21), ("살인", 21)]
    (held,) = [choice for choice in page.choices if choice.name == "period"]
    assert held.chosen == "2024-01-01/2024-12-31"  # the newest


def test_words_that_the_table_does_not_know_change_nothing(crimes, operator):
    given = {"rows": "colour", "columns": "' OR 1=1", "category": "none", "area": "'; --", "period": "x"}
    page = selectors.figure_page(user=operator, set_id=crimes.pk, query=given)
    assert (page.rows_by, page.columns_by, len(page.rows)) == ("area", "period", 3)


def test_totals_are_left_out_of_the_picture(crimes, operator):
    chart = selectors.figure_page(user=operator, set_id=crimes.pk, query={}).chart
    assert chart["isLine"] is True
    assert chart["columns"] == ["2023", "2024"]
    assert chart["rows"] == [{"label": "서초구", "values": [10, 11]}, {"label": "강남구", "values": [20, 21]}]


def test_hours_run_from_left_to_right_with_a_line_for_each_category(jurisdiction, operator):
    rows = [{"hour_from": h, "hour_to": h + 12, "category": c, "value": h + n} for h in (0, 12) for n, c in enumerate("가나")]
    chart = selectors.figure_page(user=operator, set_id=make_set(jurisdiction, *rows).pk, query={}).chart
    assert chart == {
        "isLine": True,
        "columns": ["0–12 h", "12–24 h"],
        "rows": [{"label": "가", "values": [0, 12]}, {"label": "나", "values": [1, 13]}],
    }


def test_a_table_with_a_single_division_has_one_column(jurisdiction, operator):
    hours = [{"hour_from": h, "hour_to": h + 3, "value": h} for h in range(0, 24, 3)] + [{"value": 7}]
    made = make_set(jurisdiction, *hours, title="시간대별")
    page = selectors.figure_page(user=operator, set_id=made.pk, query={})
    assert (page.rows_by, page.columns_by, len(page.columns)) == ("hour", "", 1)
    assert [row.value.label for row in page.rows][:2] == ["0–3 h", "3–6 h"]
    assert (page.rows[-1].value.label, page.rows[-1].cells[0].value) == ("not divided", 7)


def test_hours_become_the_columns_and_the_newest_year_is_held(jurisdiction, operator):
    rows = [
        {"hour_from": h, "hour_to": h + 12, "category": c, "value": h + number, **year(number)}
        for h in (0, 12)
        for c in ("절도", "폭력")
        for number in (2023, 2024)
    ]
    page = selectors.figure_page(user=operator, set_id=make_set(jurisdiction, *rows).pk, query={})
    assert (page.rows_by, page.columns_by) == ("category", "hour")
    assert [cell.value for cell in page.rows[0].cells] == [2024, 2036]


@pytest.mark.parametrize(
    ("value", "said"), [(1234567.0, "1,234,567"), (-5.2, "-5.2"), (0.0, "0"), (0.125, "0.125"), (100.0, "100")]
)
def test_figures_are_written_with_the_decimals_that_they_have(value, said):
    from webapp.crimes.templatetags.crimes_text import figure

    assert figure(value) == said


def test_two_figures_at_one_place_are_not_added_up(jurisdiction, operator):
    made = make_set(jurisdiction, {"area": "가", "value": 1}, {"area": "가", "value": 2}, {"area": "나", "value": 5})
    cell = selectors.figure_page(user=operator, set_id=made.pk, query={}).rows[0].cells[0]
    assert (cell.value, cell.others) == (1, 1)


def test_an_empty_table_says_so(jurisdiction, operator, client):
    made = make_set(jurisdiction)
    client.force_login(operator)
    assert "No figure stands here" in client.get(f"/figures/{made.pk}/").content.decode()


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (date(2024, 1, 1), date(2024, 12, 31), "2024"),
        (date(2015, 1, 1), date(2024, 12, 31), "2015–2024"),
        (date(2024, 2, 1), date(2024, 2, 29), "2024-02"),
        (date(2024, 10, 1), date(2024, 12, 31), "2024 Q4"),
        (date(2024, 3, 5), date(2024, 3, 5), "2024-03-05"),
        (date(2024, 3, 5), date(2024, 3, 9), "2024-03-05 – 2024-03-09"),
    ],
)
def test_periods_are_said_as_people_say_them(first, last, said):
    assert period_label(first, last) == said


def test_days_of_the_week_are_said():
    assert label("weekday", "0") == "Monday"


def test_figures_stay_in_their_jurisdiction_and_with_those_who_see_the_map(crimes, other_jurisdiction):
    outsider = make_user(other_jurisdiction, "analyst")
    assert selectors.figure_sets(user=outsider) == []
    with pytest.raises(NotFound):
        selectors.figure_page(user=outsider, set_id=crimes.pk, query={})
    nobody = make_user(None, "analyst", "homeless")
    with pytest.raises(NotAllowed):
        selectors.figure_sets(user=nobody)


def test_the_file_to_download_holds_every_figure_harmlessly(jurisdiction, operator, client):
    made = make_set(jurisdiction, {"area": "=1+1", "value": 3.5}, {"area": "서초구", "value": None})
    client.force_login(operator)
    answer = client.get(f"/api/v1/figures/{made.pk}/figures.csv")
    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
    assert lines[0].startswith("area,area_code,is_total")
    assert lines[1].startswith("'=1+1,")
    assert lines[2].endswith(",발생,,5")
