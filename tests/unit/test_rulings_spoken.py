"""Speech is told from names of shops, also where quotation marks open and close with the same character."""

import pytest

from ingestion.rulings.spoken import without_speech


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("'D주점'에서 칼을 들고 'H' 앞길에서", "'D주점'에서 칼을 들고 'H' 앞길에서"),
        ("“소리치면 죽인다.”고 협박", f"{' ' * 11}고 협박"),
        ('"강도야"라고 소리', f"{' ' * 5}라고 소리"),
        ("‘희망지원센터’ 앞 노상", "‘희망지원센터’ 앞 노상"),
    ],
)
def test_speech_goes_and_names_stay(text, kept):
    assert without_speech(text) == kept


def test_no_character_moves():
    text = "가 “안 주면 죽여 버리겠다. 돈이 필요하니 다 내놔라.” 나 “다"
    assert len(without_speech(text)) == len(text)
    assert without_speech(text).endswith(" 나 “다")
