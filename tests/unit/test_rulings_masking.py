"""Names and numbers of persons go before anything is kept."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from ingestion.readers.table import Limits
from ingestion.rulings import extract, read_documents
from ingestion.rulings.masking import mask

SECRETS = (
    "홍길동",
    "임꺽정",
    "이몽룡",
    "성춘향",
    "심청이",
    "김철수",
    "880101-1234567",
    "880101",
    "010-1234-5678",
    "123-45",
    "202호",
    "12가3456",
    "mail@example.org",
    "110-234-567890",
)
FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "rulings"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("피고인 김철수는 피해자 이영희를 뒤쫓아가", "피고인 [이름1]는 피해자 [이름2]를 뒤쫓아가"),
        ("증인 홍길동, 박문수의 진술", "증인 [이름1], [이름2]의 진술"),
        ("경찰관 김효석 이희철의 각 진술", "경찰관 [이름1] [이름2]의 각 진술"),
        ("피 고 인  강감찬", "피 고 인  [이름1]"),
        ("피해자 남궁민수가", "피해자 [이름1]가"),
        ("(주민등록번호 880101-1234567)", "(주민등록번호 [주민번호1])"),
        ("주민등록번호가 620616- 이고", "주민등록번호가 [주민번호1]이고"),
        ("010-1234-5678로 전화하여", "[전화번호1]로 전화하여"),
        ("국민은행 123-45-678901 계좌", "국민은행 [계좌번호1] 계좌"),
        ("12가3456호 승용차를", "[차량번호1]호 승용차를"),
        ("a.b@example.org", "[전자우편1]"),
        ("주안동 106의 6 북새통 앞", "주안동 [지번] 북새통 앞"),
        ("신정동 12-3에 있는 빌라 302호에", "신정동 [지번]에 있는 빌라 [지번]에"),
        ("마포대로 109 공덕역", "마포대로 [지번] 공덕역"),
    ],
)
def test_what_points_to_a_person_is_masked(text, masked):
    assert mask(text).text == masked


@pytest.mark.parametrize(
    "text",
    [
        "피고인 A은 피해자 공소외 1과 증인 김○○을",
        "피해자 소유의 지갑",
        "피고인 신분을",
        "피고인 주거지에서",
        "2003고단3665",
        "84노1262 98나7116",
        "빠루로 1번씩 때려",
        "2011. 10. 15. 00:15경",
        "현금 123,000원",
        "주먹으로 3회",
        "별양동 5단지",
        "피해자 신한은행",
        "막걸리 1잔",
    ],
)
def test_the_courts_own_forms_and_common_words_stay(text):
    assert mask(text).text == text


def test_the_same_person_keeps_the_same_token_wherever_the_name_stands():
    assert (
        mask("피해자 심청이를 보고 위 심청이의 손을 잡고 심청이와").text
        == "피해자 [이름1]를 보고 위 [이름1]의 손을 잡고 [이름1]와"
    )


def test_masking_a_masked_text_changes_nothing():
    once = mask((FIXTURES / "robbery.txt").read_text(encoding="utf-8")).text
    assert mask(once).text == once


def test_how_much_was_masked_is_counted_by_sort():
    counts = mask((FIXTURES / "robbery.txt").read_text(encoding="utf-8")).counts
    assert (counts["resident"], counts["phone"], counts["lot"]) == (1, 1, 2)
    assert counts["name"] == 7


def test_nothing_of_a_person_comes_through_the_door(tmp_path):
    text = (FIXTURES / "robbery.txt").read_text(encoding="utf-8")
    text += "\n계좌 110-234-567890, 12가3456 승용차, mail@example.org\n"
    path = tmp_path / "ruling.txt"
    path.write_text(text, encoding="utf-8")
    (document,) = read_documents(path, file_name="ruling.txt", limits=Limits(1_000_000))
    kept = json.dumps(
        [document.__dict__ | {"meta": dict(document.meta)}, asdict(extract(document))], ensure_ascii=False, default=str
    )
    assert [secret for secret in SECRETS if secret in kept] == []


def test_the_name_of_the_case_in_a_record_is_masked_too(tmp_path):
    path = tmp_path / "rulings.jsonl"
    record = {
        "court": "가람지법",
        "case_no": "2020고단1",
        "case_name": "피고인 홍길동에 대한 절도",
        "reasons": ["피고인 홍길동은 훔쳤다."],
    }
    path.write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
    (document,) = read_documents(path, file_name="rulings.jsonl", limits=Limits(1_000_000))
    assert "홍길동" not in document.case_name + document.text
