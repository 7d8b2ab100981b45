"""Values of a category column to a jurisdiction's own taxonomy, in Korean and English."""

import pytest

from ingestion.categories import LEFT_OUT, known_share, map_categories, numbers_of, offence_of, offences_named
from ingestion.categories_words import FIVE, SPELLINGS

KOREAN = {
    "homicide": ("살인", "Homicide"),
    "robbery": ("강도", "Robbery"),
    "sexual_violence": ("성폭력", "Sexual violence"),
    "theft": ("절도", "Theft"),
    "violence": ("폭력", "Violence"),
}
CHICAGO = {
    "theft": ("절도", "theft"),
    "battery": ("폭행", "battery"),
    "criminal_damage": ("재물 손괴", "criminal damage"),
    "assault": ("협박·위협", "assault"),
}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("절도범죄", "theft"),
        ("살인기수", "homicide"),
        ("강간·강제추행", "sexual_violence"),
        ("기타 강간/강제추행등", "sexual_violence"),
        ("CRIM SEXUAL ASSAULT", "sexual_violence"),
        ("CRIMINAL SEXUAL ASSAULT", "sexual_violence"),
        ("체포/감금", "violence"),
        ("손괴", "violence"),
        ("폭력행위등(손괴·강요·주거침입등)", "violence"),
        ("BURGLARY", "theft"),
        ("Larceny/Theft", "theft"),
        ("theft", "theft"),
        ("성폭력", "sexual_violence"),
    ],
)
def test_an_offence_finds_its_place_among_the_five_crimes(value, code):
    assert map_categories({value: 1}, KOREAN).codes == {value.casefold(): code}


@pytest.mark.parametrize("value", ["BURGLARY", "ROBBERY", "NARCOTICS", "사기", "moon landing"])
def test_what_a_taxonomy_does_not_hold_is_left_to_a_person(value):
    found = map_categories({value: 7}, CHICAGO)
    assert found.codes == {}
    assert found.unknown == {value: 7}


def test_a_wider_group_is_named_as_such():
    found = map_categories({"CRIMINAL DAMAGE": 5, "THEFT": 9}, KOREAN)
    assert found.codes == {"criminal damage": "violence", "theft": "theft"}
    assert found.grouped == ("CRIMINAL DAMAGE",)


def test_unknown_values_come_with_their_rows_the_most_frequent_first():
    found = map_categories({"a": 1, "b": 9, "": 4, "THEFT": 2}, CHICAGO)
    assert list(found.unknown.items()) == [("b", 9), ("a", 1)]


def test_the_jurisdictions_own_words_are_always_understood_and_a_choice_goes_before_them():
    numbers = numbers_of(
        {"arson": "violence", "theft": "", "x": "nowhere"}, KOREAN, {code: place for place, code in enumerate(KOREAN)}
    )
    assert numbers["절도"] == numbers["robbery"] + 2 == 3
    assert numbers["arson"] == 4
    assert numbers["theft"] == LEFT_OUT
    assert "x" not in numbers


@pytest.mark.parametrize(
    ("name", "offence"),
    [
        ("nyc_vehicle_thefts.csv.gz", "motor_vehicle_theft"),
        ("chicago_aggravated_assaults_2010_2019.csv", "felony_assault"),
        ("crimes_bur_2012_2017.csv", "burglary"),
        ("서초구_절도_2024.csv", "theft"),
    ],
)
def test_a_files_name_says_what_a_file_without_a_column_holds(name, offence):
    assert offences_named(name)[0] == offence


@pytest.mark.parametrize("name", ["incidents_2024.csv", "chicago_2016_2017.csv", "other.csv", "부산_자료.csv"])
def test_a_name_that_says_nothing_gives_nothing(name):
    assert offences_named(name) == []


def test_a_spelling_belongs_to_one_offence_only():
    words = [word for spelled in SPELLINGS.values() for word in spelled.split(" | ")]
    assert sorted(words) == sorted(set(words))
    assert set(FIVE) <= set(SPELLINGS)
    assert offence_of("Murder & Non-Negl. Manslaughte") == "homicide"
    assert known_share(["THEFT", "절도", "합계", "blue"]) == pytest.approx(2 / 3)
