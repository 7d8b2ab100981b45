"""What a Korean ruling says: when, where, what, of whom, and whether the court holds it for proven."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.readers.table import Limits
from ingestion.rulings import TABLES, Document, Extraction, Field, SectionKind, Verdict, extract, read_documents
from ingestion.rulings.moments import find_moments, follow
from ingestion.rulings.sections import heading
from ingestion.rulings.where import find_places

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "rulings"


def read(name: str) -> list[Document]:
    path = FIXTURES / name
    return list(read_documents(path, file_name=name, limits=Limits(10_000_000), on_bad=lambda _: None))


def told(text: str) -> Extraction:
    return extract(Document(text, "x"))


def facts(body: str, **fields: str) -> Extraction:
    return told(f"사 건 2020고단1 절도\n주 문\n피고인을 징역 1년에 처한다.\n이 유\n범죄사실\n{body}")


def when(text: str) -> tuple[str | None, ...]:
    last = None
    for moment in find_moments(text):
        last = follow(moment, last)
    assert last is not None
    return tuple(part.value if part else None for part in (last.date, last.date_end, last.time, last.time_end))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2011. 10. 15. 00:15경", ("2011-10-15", None, "00:15", None)),
        ("2014. 11. 17. 2:10경", ("2014-11-17", None, "02:10", None)),
        ("2019년 3월 5일 오후 11시 30분경", ("2019-03-05", None, "23:30", None)),
        ("2019. 3. 5. 오전 12시 5분경", ("2019-03-05", None, "00:05", None)),
        ("1975. 3. 2. 밤 10시경", ("1975-03-02", None, "22:00", None)),
        ("1961.10.20.하오 7:00경", ("1961-10-20", None, "19:00", None)),
        ("4294. 10. 20. 07:00경", ("1961-10-20", None, "07:00", None)),
        ("1972.1.19:30경", ("1972-01", None, "19:30", None)),
        ("1965.3.1420:00경", ("1965-03-14", None, "20:00", None)),
        ("2018. 12. 18. 10:00경부터 같은 날 12:00경까지", ("2018-12-18", None, "10:00", "12:00")),
        ("2010. 3.경", ("2010-03", None, None, None)),
        ("2004. 1. 중순 일자불상 04:00경", ("2004-01", None, "04:00", None)),
        ("2016. 7. 9. 03:00경 주점에서 마시다가 같은 날 03:12경", ("2016-07-09", None, "03:12", None)),
        ("2016. 7. 31. 23:00경 만나 다음 날 01:00경", ("2016-08-01", None, "01:00", None)),
        ("2016. 7. 9.경 만나 같은 달 11. 01:00경", ("2016-07-11", None, "01:00", None)),
        ("2016. 7. 9. 만나 같은 해 8. 2. 01:00경", ("2016-08-02", None, "01:00", None)),
    ],
)
def test_each_way_of_writing_a_time_is_understood(text, expected):
    assert when(text) == expected


@pytest.mark.parametrize("text", ["12시간 동안", "25:61", "99시경", "13월 40일", "강도살인"])
def test_what_is_no_time_is_not_taken_for_one(text):
    assert not any(moment.time or moment.date for moment in find_moments(text))


@pytest.mark.parametrize(
    ("text", "precision"),
    [
        ("2011. 10. 15. 00:15경", "exact"),
        ("2011. 10. 15.경", "approximate"),
        ("2010. 3.경", "month"),
        ("2010. 3. 초순경", "third"),
        ("일시불상경", "unknown"),
    ],
)
def test_how_exact_a_date_is_is_said(text, precision):
    assert find_moments(text)[0].precision == precision


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("울산 남구 신정동 [지번]", ("울산", "남구", "신정동")),
        ("서울특별시 서초구 방배동에 있는", ("서울", "서초구", "방배동")),
        ("안양시 만안구 안양동", ("경기", "안양시 만안구", "안양동")),
        ("전라북도 전주시 완산구 B에 있는", ("전북", "전주시 완산구", None)),
        ("포천시 내촌면 진목리", ("경기", "포천시", "내촌면 진목리")),
        ("서울 마포구 상수동 소재", ("서울", "마포구", "상수동")),
    ],
)
def test_an_address_falls_into_province_district_and_dong(text, expected):
    place = find_places(text)[0]
    assert tuple(part.value if part else None for part in (place.sido, place.sigungu, place.dong)) == expected


@pytest.mark.parametrize("text", ["서울중앙지방법원에서", "대전지방검찰청", "위 도구를 사용하여", "친구와 가구", "공동으로 활동"])
def test_courts_and_common_words_are_no_addresses(text):
    assert find_places(text) == []


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("범 죄 사 실", SectionKind.FACTS),
        ("【범죄사실】", SectionKind.FACTS),
        ("1. 공소사실의 요지", SectionKind.CHARGE),
        ("가. 이 사건 공소사실", SectionKind.CHARGE),
        ("주    문", SectionKind.ORDER),
        ("[법령의 적용]", SectionKind.LAW),
        ("판 단", SectionKind.JUDGEMENT),
        ("무죄 부분", SectionKind.ACQUITTAL),
        ("피고인은 위 공소사실을 부인한다.", None),
    ],
)
def test_headings_are_known_through_blanks_numbers_and_brackets(line, kind):
    assert heading(line) == kind


def test_a_ruling_falls_into_its_sections():
    document = read("robbery.txt")[0]
    kinds = [section.kind.value for section in extract(document).sections]
    assert kinds == ["head", "order", "reasons", "facts", "evidence", "law", "sentencing"]


def test_the_robbery_and_the_theft_of_the_next_day_are_two_events():
    extraction = extract(read("robbery.txt")[0])
    assert extraction.verdict is Verdict.GUILTY
    robbery, theft = extraction.events
    assert [robbery.value(name) for name in ("category", "date", "time", "sido", "sigungu", "dong", "place_kind", "weapon")] == [
        "robbery",
        "2021-03-05",
        "23:40",
        "서울",
        "서초구",
        "방배동",
        "alley",
        "knife",
    ]
    assert {"following", "fall", "weapon", "few_people", "night", "bag_open"} <= set(robbery.values("risk_factor"))
    assert [theft.value(name) for name in ("category", "date", "time", "sigungu", "dong", "place_kind", "drinking")] == [
        "theft",
        "2021-03-06",
        "02:10",
        "서초구",
        "서초동",
        "shop",
        "yes",
    ]
    assert not any(fact.is_allegation for event in extraction.events for fact in event.facts)


def test_what_was_said_is_not_what_was_done():
    robbery = extract(read("robbery.txt")[0]).events[0]
    assert "quarrel" not in robbery.values("risk_factor")


def test_the_facts_of_an_acquittal_are_allegations():
    extraction = extract(read("acquittal.txt")[0])
    assert extraction.verdict is Verdict.ACQUITTED
    event = extraction.events[0]
    assert (event.value("category"), event.value("date"), event.value("time")) == ("violence", "2019-11-17", "20:30")
    assert all(fact.is_allegation for fact in event.facts)


def test_a_text_without_commas_parentheses_and_dates_still_tells_its_clock():
    first, second = extract(read("stripped.jsonl")[0]).events
    assert (first.value("time"), first.value("sigungu"), first.value("place_kind")) == ("01:05", "부평구", "parking")
    assert (second.value("time"), second.value("sigungu"), second.value("place_kind")) == ("01:30", "부평구", "parking")


def test_the_place_of_an_earlier_item_is_meant_by_a_reference():
    extraction = facts(
        "1. 야간건조물침입절도\n가. 피고인은 2023. 2. 4. 23:36경 전북 "
        "전주시 완산구 B에 있는 가게에 침입하여 현금을 절취하였다.\n"
        "나. 피고인은 2023. 2. 10. 23:57경 제가항 기재 장소에 이르러 물건을 찾던 중 체포되어 절취하지 못하고 미수에 그쳤다.\n"
    )
    second = extraction.events[1]
    assert (second.value("date"), second.value("sigungu")) == ("2023-02-10", "전주시 완산구")


def test_an_earlier_sentence_of_the_accused_is_no_event():
    extraction = facts(
        "피고인은 2018. 5. 3. 가람지방법원에서 절도죄로 징역 1년을 선고받고 2019. 1. 2. 그 집행을 종료하였다.\n"
        "피고인은 2020. 6. 7. 03:00경 서울 관악구 신림동에 있는 주차장에서 자전거 1대를 가지고 가 절취하였다."
    )
    assert [event.value("date") for event in extraction.events] == ["2020-06-07"]
    assert extraction.events[0].value("offence") == "theft_bicycle"


def test_what_was_only_meant_is_no_event():
    extraction = facts(
        "피고인은 2020. 3.경 물건을 훔치기로 마음먹었다.\n피고인은 2020. 3. 5. 01:00경 서울 중구에서 지갑을 훔쳤다."
    )
    assert [event.value("date") for event in extraction.events] == ["2020-03-05"]


@pytest.mark.parametrize(
    ("order", "reasons", "verdict"),
    [
        ("피고인은 무죄.", "", Verdict.ACQUITTED),
        ("피고인을 징역 1년에 처한다. 이 사건 공소사실 중 폭행의 점은 무죄.", "", Verdict.PARTLY),
        ("이 사건 공소를 기각한다.", "", Verdict.DISMISSED),
        ("원심판결을 파기하고 사건을 가람지방법원에 환송한다.", "", Verdict.REMANDED),
        ("상고를 기각한다.", "원심이 무죄를 선고한 것은 정당하다.", Verdict.ACQUITTED),
        ("상고를 기각한다.", "원심이 유죄로 인정한 것은 정당하다.", Verdict.GUILTY),
        ("상고를 기각한다.", "원심이 면소를 선고한 것은 정당하다.", Verdict.DISMISSED),
        ("", "", Verdict.UNKNOWN),
    ],
)
def test_the_verdict_is_read_off_the_order_then_off_the_reasons(order, reasons, verdict):
    assert told(f"사 건 2020고단1 폭행\n주 문\n{order}\n이 유\n{reasons}").verdict is verdict


def test_a_ruling_that_tells_nothing_still_has_the_category_of_its_name():
    extraction = told("사건 2020도1 강도상해·절도\n주 문\n상고를 기각한다.\n이 유\n상고이유를 판단한다.")
    assert [event.value("category") for event in extraction.events] == ["robbery", "theft"]


def test_facts_taken_over_from_the_court_below_are_known_by_the_articles_applied():
    extraction = told(
        "사건 70노1 피고사건\n주 문\n원심판결을 파기한다.\n이 유\n법률에 비추건대 판시 소위는 형법 제366조에 해당한다."
    )
    assert [event.value("category") for event in extraction.events] == ["damage"]


def test_evidence_is_the_very_characters_that_say_so():
    document = read("robbery.txt")[0]
    event = extract(document).events[0]
    said = {fact.field: document.text[fact.start : fact.end] for fact in event.facts}
    assert (said[Field.DATE], said[Field.TIME], said[Field.DONG]) == ("2021. 3. 5.", "23:40", "방배동")


def test_every_value_of_a_closed_list_has_its_label():
    for name in ("robbery.txt", "acquittal.txt", "stripped.jsonl"):
        for document in read(name):
            for event in extract(document).events:
                for fact in event.facts:
                    if fact.field.value in TABLES and fact.field is not Field.OFFENCE:
                        assert fact.value in {label.code for label in TABLES[fact.field.value]}


WORDS = st.sampled_from(
    [
        "피고인은 ",
        "2011. 10. 15. ",
        "00:15경 ",
        "같은 날 ",
        "절취하였다.",
        "\n",
        "주 문\n",
        "범죄사실\n",
        "무죄",
        "서울 서초구 ",
        "“",
        "”",
        "1. ",
        "가. ",
        "(",
        "위 ",
        "부터 ",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.text(max_size=300), st.lists(st.one_of(WORDS, st.text(max_size=8)), max_size=60).map("".join)))
def test_any_text_gives_facts_whose_characters_lie_inside_it(text):
    document = Document(text, "x")
    extraction = extract(document)
    assert extract(document) == extraction
    spans = [(one.start, one.end) for one in extraction.sections]
    assert spans == sorted(spans)
    assert all(0 <= one.start < one.end <= len(text) for one in extraction.sections)
    for number, event in enumerate(extraction.events):
        assert event.index == number
        for fact in event.facts:
            assert 0 <= fact.start < fact.end <= len(text)
            assert 0 < len(fact.value) <= 120
