"""The camera register as a file, through the command."""

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from webapp.cameras.models import Camera

HEADER = "source_id,name,latitude,longitude,bearing_deg,angle_deg,range_m,count,purpose,is_working"
GOOD = "C-1,역 앞,37.49,127.01,90,60,40,2,traffic,정상"


@pytest.fixture
def register(jurisdiction, tmp_path):
    """`register(text)`: write the text to a file and run the command on it."""

    def run(text, encoding="utf-8"):
        path = tmp_path / "cameras.csv"
        path.write_bytes(text.encode(encoding) if isinstance(text, str) else text)
        with translation.override("en"):
            call_command("register_cameras", str(path), jurisdiction="testgu")

    return run


def test_a_register_is_taken_in_and_the_second_time_changes_nothing(register, jurisdiction, capsys):
    text = f"\ufeff{HEADER}\n{GOOD}\nC-2,공원,37.491,127.011,,,,,,고장\n"
    register(text)
    register(text)
    first, second = capsys.readouterr().out.splitlines()
    assert first == "2 cameras read for Test-gu: 2 added or changed."
    assert second == "2 cameras read for Test-gu: 0 added or changed."
    one, two = Camera.objects.of(jurisdiction).order_by("source_id")
    assert (one.bearing_deg, one.angle_deg, one.range_m, one.count, one.purpose, one.is_working) == (
        90,
        60,
        40,
        2,
        "traffic",
        True,
    )
    assert (two.bearing_deg, two.angle_deg, two.range_m, two.count, two.is_working) == (None, 360, 50, 1, False)


def test_only_the_needed_columns_suffice(register, jurisdiction):
    register("longitude,latitude,name,source_id\n127.01,37.49,a,1\n")
    assert Camera.objects.of(jurisdiction).get().purpose == "crime_prevention"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has no column source_id, name, latitude, longitude"),
        ("source_id,name,latitude\n1,a,37.5\n", "has no column longitude"),
        (f"{HEADER}\n{GOOD}\nC-2,a,north,127.01,,,,,,\n", "Line 3, column latitude: “north” is not a number"),
        (f"{HEADER}\nC-2,a,,127.01,,,,,,\n", "Line 2, column latitude: “” is not a number"),
        (f"{HEADER}\nC-2,a,37.49,127.01,nan,,,,,\n", "Line 2, column bearing_deg: “nan” is not a number"),
        (f"{HEADER}\nC-2,a,37.49,127.01,,,,,,maybe\n", "Line 2, column is_working: “maybe” is neither yes nor no"),
        (f"{HEADER}\nC-2,a,127.01,37.49,,,,,,\n", "its latitude must be a number from -90 to 90"),
        (f"{HEADER}\nC-2,a,35.1,129.0,,,,,,\n", "lies more than 500 m outside Test-gu"),
        (b"PK\x03\x04\x00\x00\xff\xfe", "is not UTF-8 text"),
        (b"PK\x00\x00", "is not UTF-8 text"),
        (f"{HEADER}\n{GOOD}\n".encode("cp949"), "is not UTF-8 text"),
    ],
)
def test_a_broken_register_gets_a_sentence_and_leaves_nothing(register, jurisdiction, text, sentence):
    with pytest.raises(CommandError, match=sentence.replace("(", r"\(")):
        register(text)
    assert not Camera.objects.of(jurisdiction).exists()


def test_a_missing_file_and_an_unknown_jurisdiction_are_said(jurisdiction, tmp_path):
    with translation.override("en"):
        with pytest.raises(CommandError, match="cannot be read"):
            call_command("register_cameras", str(tmp_path / "none.csv"), jurisdiction="testgu")
        with pytest.raises(CommandError, match="no jurisdiction with the code nowhere"):
            call_command("register_cameras", str(tmp_path / "none.csv"), jurisdiction="nowhere")
