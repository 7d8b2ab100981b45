"""The trained part of the rulings reader: which sentences tell a charged deed."""

import json
from pathlib import Path

import pytest

from bench.rulings_train import MIN_RULINGS, Row, fit
from ingestion.rulings import Document, Fact, Field, SectionKind, extract, telling
from ingestion.rulings.sections import split_sections
from ingestion.rulings.telling import Model, features, judge, only_told, sentences, trained

WEIGHTS = json.loads(Path(telling.__file__).with_name("telling.json").read_text(encoding="utf-8"))
DEED = "피고인은 2019. 3. 5. 23:10경 서울 마포구 합정동에 있는 주점 앞 길에서 피해자의 얼굴을 주먹으로 1회 때려 폭행하였다."
ARGUED = (
    "증인의 진술에 의하면 피고인이 당시 골목에서 칼을 들고 있었다는 것이나, 위 진술은 경찰과 검찰에서 서로 달라 믿기 어렵고 "
    "달리 이를 인정할 증거가 없다고 판단하였으며 폭행하는 것을 보았는지도 분명하지 않다."
)
RULING = f"사 건 2019고단1 폭행\n주 문\n피고인을 벌금 100만 원에 처한다.\n이 유\n범죄사실\n{DEED}\n{ARGUED}\n증거의 요지\n1. 진술"


def spans(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text, 0, len(text))]


def test_a_text_falls_into_sentences_at_endings_and_lines_but_not_at_dates_and_numbers():
    text = (
        "피고인은 2019. 3. 5.경 서울 마포구에서 폭행하였다. 피해자는 약 2.5미터 밖에 있었음.\n  위와 같은 사실은 증거로 인정된다"
    )
    assert spans(text) == [
        "피고인은 2019. 3. 5.경 서울 마포구에서 폭행하였다.",
        "피해자는 약 2.5미터 밖에 있었음.",
        "위와 같은 사실은 증거로 인정된다",
    ]


def test_crumbs_are_no_sentences():
    assert spans("가. 나.\n\n이상.\n") == []


def test_the_model_sees_morphemes_endings_shape_and_section_but_no_names_and_numbers():
    seen = features("피고인은 2019. 3. 5. 23:10경 서울에서 피해자 A를 때렸다", SectionKind.CHARGE)
    assert {"피고인/NNG", "때리/VV", "^때리/VV", "^다/EF", "#date", "#clock", "#accused", "#victim", "#deed", "@told"} <= seen
    assert not [one for one in seen if "서울" in one or "2019" in one or "/NNP" in one or "/SN" in one or "/SL" in one]


def test_a_sentence_without_a_full_stop_for_pages_costs_no_more_than_a_paragraph():
    middle = "그 밖의 사정을 살펴보고 " * 10_000
    assert "사정/NNG" not in features(f"{DEED}{'가' * 240} {middle}{'나' * 100}", SectionKind.JUDGEMENT)


def test_the_weights_are_of_single_morphemes_and_name_nobody():
    assert 100 < len(WEIGHTS["weights"]) < 2_000
    for one in WEIGHTS["weights"]:
        assert " " not in one
        assert one[0] in "#@" or one.rpartition("/")[2] not in ("NNP", "SN", "SL", "SH", "SW")
    assert trained().weights == WEIGHTS["weights"]
    assert 0 < trained().threshold < 1


def test_a_deed_told_stands_above_the_threshold_and_weighed_evidence_below():
    assert judge(DEED, SectionKind.FACTS) > 0.9
    assert judge(ARGUED, SectionKind.JUDGEMENT) < 0.1


def test_facts_from_weighed_evidence_are_left_out_and_those_of_the_deed_stay():
    def risks(threshold: float | None) -> set[str]:
        return {
            value for event in extract(Document(RULING, "x"), threshold=threshold).events for value in event.values("risk_factor")
        }

    assert risks(0.0) == {"fighting", "night", "weapon"}
    assert risks(None) == {"fighting", "night"}


def test_an_event_that_no_sentence_tells_is_left_out_where_another_is_told():
    text = "이 유\n판단\n피고인이 절취하였다는 것이다 라고 한다.\n피고인이 그렇지 않다고 다투고 있다는 점이다."
    first, second = (text.index("절취"), text.index("다투"))
    told = [[Fact(Field.CATEGORY, "theft", first, first + 2)], [Fact(Field.CATEGORY, "violence", second, second + 2)]]

    def weigh(sentence: str, kind: SectionKind) -> float:
        assert kind is SectionKind.JUDGEMENT
        return 0.9 if "절취" in sentence else 0.1

    assert only_told(text, split_sections(text), told, weigh, 0.5) == [told[0]]


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_a_ruling_whose_sentences_all_stand_or_all_fall_is_left_as_the_rules_read_it(probability):
    alone = extract(Document(RULING, "x"), threshold=0.0)
    assert extract(Document(RULING, "x"), weigh=lambda _, __: probability, threshold=0.5) == alone


def test_an_event_keeps_what_it_is_charged_with_though_the_word_stands_in_an_argument():
    found = extract(Document(RULING, "x"), weigh=lambda sentence, _: 0.1 if "때려" in sentence else 0.9, threshold=0.5)
    assert [event.value("category") for event in found.events] == ["violence"]
    assert found.events[0].values("risk_factor") == ("weapon",)


def test_training_twice_gives_the_same_weights_and_no_word_of_a_single_case():
    rows = [
        Row(
            f"{number}", frozenset({"피고인/NNG", "때리/VV" if number % 2 else "증거/NNG", f"낱말{number}/NNG"}), bool(number % 2)
        )
        for number in range(4 * MIN_RULINGS)
    ]
    model = fit(rows, 0.4)
    assert model == fit(rows, 0.4)
    assert set(model.weights) <= {"피고인/NNG", "때리/VV", "증거/NNG"}
    assert model.weights["때리/VV"] > 0 > model.weights["증거/NNG"]
    assert model.probability(frozenset({"때리/VV"})) > 0.7
    assert model.probability(frozenset({"증거/NNG"})) < 0.3


def test_a_model_without_weights_does_not_decide():
    assert Model({}, 0.0, 0.5).probability(frozenset({"때리/VV"})) == 0.5
