"""The reader: exact line numbers, whatever the line ends, quotation marks and block borders; refusals name their line."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.errors import FileRefused
from ingestion.reader import Chunk, read_chunks

BROKEN = Path(__file__).resolve().parents[2] / "fixtures" / "broken"
GB = 1024**3


def records(path: Path, *, block_bytes: int = 2 * 1024**2, limit: int = GB) -> list[tuple[int, list[str], str]]:
    found = []
    for chunk in read_chunks(path, file_name=path.name, max_content_bytes=limit, block_bytes=block_bytes):
        for place, (line, row) in enumerate(zip(chunk.lines, chunk.rows, strict=True)):
            found.append((line, row, chunk.broken.get(place, "")))
    return found


def whole(path: Path) -> Chunk:
    """All chunks of a file in one."""
    joined = Chunk()
    for chunk in read_chunks(path, file_name=path.name, max_content_bytes=GB):
        joined.broken |= {len(joined.rows) + place: code for place, code in chunk.broken.items()}
        joined.rows += chunk.rows
        joined.lines += chunk.lines
        joined.raw += chunk.raw
        joined.blank_lines += chunk.blank_lines
    return joined


def write(folder: Path, content: str | bytes, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_lines_are_counted_across_all_line_ends_and_blank_lines():
    rows = records(BROKEN / "mixed_line_ends.csv")
    assert [line for line, _, _ in rows] == [1, 2, 4, 5, 7]
    assert rows[0][1][0] == "category"  # the byte-order mark is gone
    assert rows[4][1][1] == "2025-03-04T22:30:00+09:00"


def test_blank_lines_are_reported_not_lost():
    assert whole(BROKEN / "mixed_line_ends.csv").blank_lines == [3, 6]


def test_a_quoted_field_may_hold_commas_line_breaks_and_doubled_marks(tmp_path):
    path = write(tmp_path, 'a,b\n"1,5","two\nlines"\n3,"say ""hi"""\n')
    assert records(path) == [(1, ["a", "b"], ""), (2, ["1,5", "two\nlines"], ""), (4, ["3", 'say "hi"'], "")]


def test_an_unclosed_quotation_mark_spoils_its_own_line_only(tmp_path):
    path = write(tmp_path, 'a,b\n1,"open\n2,fine\n' + "".join(f"{i},x\n" for i in range(3, 100)))
    rows = records(path)
    assert rows[1] == (2, [], "broken_quotes")
    assert rows[2] == (3, ["2", "fine"], "")
    assert len(rows) == 100


def test_a_nul_byte_marks_its_row_and_the_raw_text_shows_it(tmp_path):
    path = write(tmp_path, b"a,b\n1,x\0y\n2,z\n")
    chunk = whole(path)
    assert chunk.broken == {1: "nul_byte"}
    assert chunk.raw[1] == "1,x␀y\n"


def test_a_field_beyond_the_limit_marks_its_row(tmp_path):
    path = write(tmp_path, f"a,b\n1,{'x' * 200_000}\n2,z\n")
    assert [(line, code) for line, _, code in records(path)] == [(1, ""), (2, "field_too_long"), (3, "")]


plain_fields = st.text(alphabet='ab가 ,"\n', max_size=8)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(plain_fields, plain_fields, plain_fields), min_size=1, max_size=30), block=st.integers(1, 40))
def test_blocks_of_any_size_give_the_same_records(rows, block, tmp_path_factory):
    import csv
    import io

    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    path = write(tmp_path_factory.mktemp("law"), text.getvalue())
    assert records(path, block_bytes=block) == records(path)
    assert [tuple(row) for _, row, _ in records(path)] == rows


def test_gzip_is_read_as_if_it_were_plain(tmp_path):
    path = write(tmp_path, gzip.compress(b"a,b\n1,2\n"), "rows.csv.gz")
    assert [row for _, row, _ in records(path)] == [["a", "b"], ["1", "2"]]


def test_the_fraction_follows_the_bytes_of_the_file(tmp_path):
    path = write(tmp_path, "a,b\n" + "1,2\n" * 5000)
    fractions = [c.fraction for c in read_chunks(path, file_name="x", max_content_bytes=GB, block_bytes=4096)]
    assert fractions == sorted(fractions)
    assert fractions[0] < 0.9
    assert fractions[-1] == 1.0


@pytest.mark.parametrize(
    ("name", "code", "line"),
    [
        ("empty.csv", "empty", None),
        ("only_blank_lines.csv", "empty", None),
        ("utf16.csv", "encoding", 1),
        ("cp949.csv", "encoding", 2),
        ("cp949_in_line_4.csv", "encoding", 4),
        ("cut_off.csv.gz", "broken_gzip", 1),
    ],
)
def test_a_file_that_is_no_utf8_csv_is_refused_with_its_line(name, code, line):
    with pytest.raises(FileRefused) as refused:
        records(BROKEN / name)
    assert refused.value.code == code
    assert refused.value.fields["file"] == name
    assert refused.value.fields.get("line") == line
    assert name in str(refused.value)


def test_more_text_than_allowed_is_refused_even_when_compressed(tmp_path):
    path = write(tmp_path, gzip.compress(b"a,b\n" + b"1,2\n" * 1_000_000), "bomb.csv.gz")
    with pytest.raises(FileRefused) as refused:
        records(path, limit=1024**2)
    assert refused.value.code == "too_large"
    assert "1 MB" in str(refused.value)


def test_a_line_without_end_is_refused_and_not_read_into_memory(tmp_path):
    path = write(tmp_path, "a,b\n" + "x" * 5_000_000)
    with pytest.raises(FileRefused) as refused:
        records(path)
    assert (refused.value.code, refused.value.fields["line"]) == ("line_too_long", 2)
