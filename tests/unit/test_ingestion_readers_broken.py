"""Broken uploads: each gives its sentence or spoils its own rows only; random bytes and mutilated files never raise more."""

import gc
import gzip
import importlib.util
import io
import json
import resource
import sys
import zipfile
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.errors import REASONS, REFUSALS, FileRefused
from ingestion.readers import Limits, open_tables

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
spec = importlib.util.spec_from_file_location("broken_uploads", FIXTURES / "broken_uploads" / "make.py")
assert spec is not None and spec.loader is not None  # noqa: PT018
broken_uploads = importlib.util.module_from_spec(spec)
sys.modules["broken_uploads"] = broken_uploads
spec.loader.exec_module(broken_uploads)

LIMITS = Limits(max_content_bytes=1024**3)


@pytest.mark.parametrize("case", broken_uploads.CASES, ids=lambda case: case.name)
def test_a_broken_upload_gives_its_sentence_or_spoils_only_its_rows(case, tmp_path):
    path = tmp_path / case.name
    path.write_bytes(case.build())
    if case.code:
        with pytest.raises(FileRefused) as refused:
            open_tables(path, file_name=case.name, limits=LIMITS)
        assert refused.value.code == case.code
        assert str(refused.value).startswith(case.name)
        assert case.says in str(refused.value)
        return
    (table,) = open_tables(path, file_name=case.name, limits=LIMITS)
    found = [code for chunk in table.chunks() for code in chunk.broken.values()]
    assert tuple(found) == case.broken
    assert set(found) <= set(REASONS)
    assert sum(len(chunk.rows) for chunk in table.chunks()) > len(found)


def test_no_more_is_unpacked_than_the_server_allows(tmp_path):
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 1_000_000))
    with pytest.raises(FileRefused) as refused:
        open_tables(path, file_name=path.name, limits=Limits(max_content_bytes=1024**2))
    assert (refused.value.code, "1 MB" in str(refused.value)) == ("too_large", True)


def test_a_full_disk_is_told_and_leaves_nothing_behind(tmp_path, monkeypatch):
    path, spool = tmp_path / "book.xlsx.gz", tmp_path / "spool"
    spool.mkdir()
    path.write_bytes(gzip.compress(broken_uploads.workbook_part("xl/media.bin", "".join(map(str, range(400_000))))))
    monkeypatch.setattr("tempfile.tempdir", str(spool))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # a file can grow no further, as on a full disk
    try:
        with pytest.raises(FileRefused) as refused:
            open_tables(path, file_name=path.name, limits=LIMITS)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert refused.value.code == "disk_full"
    del refused
    gc.collect()
    assert list(spool.iterdir()) == []


def test_a_thousand_columns_are_read(tmp_path):
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"c{n}" for n in range(1_000)) + "\n" + ",".join(["7"] * 1_000) + "\n")
    (table,) = open_tables(path, file_name=path.name, limits=LIMITS)
    assert (len(table.header), next(iter(table.chunks())).rows) == (1_000, [["7"] * 1_000])


def test_a_formula_stays_the_text_that_it_is(tmp_path):
    path = tmp_path / "formula.csv"
    path.write_text("a,b\n\"=cmd|' /C calc'!A0\",1\n@SUM(A1),2\n")
    (table,) = open_tables(path, file_name=path.name, limits=LIMITS)
    assert [row[0] for row in next(iter(table.chunks())).rows] == ["=cmd|' /C calc'!A0", "@SUM(A1)"]


def test_every_refusal_of_a_reader_names_the_file():
    used = {case.code for case in broken_uploads.CASES} - {""}
    assert all("{file}" in REFUSALS[code] for code in used)


# --- laws ------------------------------------------------------------------------------------------------------------


def _workbook() -> bytes:
    book, content = openpyxl.Workbook(), io.BytesIO()
    for row in (["번호", "유형"], [1, "절도"], [2, "폭력"]):
        book.active.append(row)
    book.save(content)
    return content.getvalue()


def _parquet() -> bytes:
    content = io.BytesIO()
    pq.write_table(pa.table({"a": [1, 2, 3], "b": ["x", None, "가"]}), content)
    return content.getvalue()


GOOD = {
    "csv": broken_uploads.TABLE.encode(),
    "cp949": broken_uploads.TABLE.encode("cp949"),
    "utf-16": broken_uploads.TABLE.encode("utf-16"),
    "xlsx": _workbook(),
    "xls": broken_uploads.OLD_WORKBOOK.read_bytes(),
    "geojson": broken_uploads.features(broken_uploads.SQUARE, None),
    "topojson": json.dumps(
        {"type": "Topology", "objects": {"a": {"type": "Polygon", "arcs": [[0]]}}, "arcs": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
    ).encode(),
    "parquet": _parquet(),
    "zip": broken_uploads.archive(**{"rows.csv": broken_uploads.TABLE.encode()}),
    "gz": gzip.compress(broken_uploads.TABLE.encode()),
}


BEGINNINGS = (b"PK\3\4", b"\x1f\x8b", b"PAR1", b"SQLite format 3\0", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b'{"features":[')


def only_tables_or_refusals(content: bytes, folder: Path) -> None:
    path = folder / "upload"
    path.write_bytes(content)
    try:
        for table in open_tables(path, file_name="upload", limits=Limits(max_content_bytes=20_000_000)):
            assert len(set(table.header)) == len(table.header)
            assert all(table.header)
            for chunk in table.chunks():
                assert len(chunk.rows) == len(chunk.lines) == len(chunk.raw)
                assert all(not chunk.rows[row] for row in chunk.broken)
                assert all(type(value) is str for row in chunk.rows for value in row)
    except FileRefused as refused:
        sentence = REFUSALS[refused.code].format(**refused.fields)
        assert sentence == str(refused)  # noqa: PT017 - whether it is refused is left open


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("laws")


slowly = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@slowly
@given(content=st.binary(max_size=400))
def test_random_bytes_give_tables_or_a_refusal(content, folder):
    only_tables_or_refusals(content, folder)


@slowly
@given(start=st.sampled_from(BEGINNINGS), rest=st.binary(max_size=300))
def test_random_bytes_under_a_known_beginning_give_tables_or_a_refusal(start, rest, folder):
    only_tables_or_refusals(start + rest, folder)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    name=st.sampled_from(sorted(GOOD)),
    at=st.floats(0, 1, exclude_max=True),
    removed=st.integers(0, 60),
    put=st.binary(max_size=20),
    cut=st.booleans(),
)
def test_a_mutilated_file_gives_tables_or_a_refusal(*, name, at, removed, put, cut, folder):
    good = GOOD[name]
    place = int(at * len(good))
    only_tables_or_refusals(good[:place] + put + (b"" if cut else good[place + removed :]), folder)


cells = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)


@slowly
@given(rows=st.lists(st.lists(cells, max_size=6), max_size=12), codec=st.sampled_from(["utf-8", "cp949", "utf-16", "latin-1"]))
def test_random_tables_of_text_give_tables_or_a_refusal(rows, codec, folder):
    text = "\n".join(",".join(row) for row in rows)
    only_tables_or_refusals(text.encode(codec, "replace"), folder)


@slowly
@given(rows=st.lists(st.lists(st.one_of(st.none(), st.integers(-(10**9), 10**9), st.floats(), cells), max_size=5), max_size=8))
def test_random_workbooks_give_tables_or_a_refusal(rows, folder):
    book, content = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        try:
            book.active.append(row)
        except openpyxl.utils.exceptions.IllegalCharacterError:
            return
    book.save(content)
    only_tables_or_refusals(content.getvalue(), folder)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)),
    max_leaves=12,
)
kinds = ("Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection", "Else")


@slowly
@given(kind=st.sampled_from(kinds), coordinates=json_values, properties=json_values)
def test_random_features_give_tables_or_a_refusal(kind, coordinates, properties, folder):
    geometry = {"type": kind, "coordinates": coordinates, "geometries": coordinates}
    one = {"type": "Feature", "properties": properties, "geometry": geometry}
    only_tables_or_refusals(json.dumps({"type": "FeatureCollection", "features": [one, coordinates]}).encode(), folder)


@slowly
@given(value=json_values, name=st.sampled_from(["arcs", "objects", "transform"]))
def test_random_topologies_give_tables_or_a_refusal(value, name, folder):
    topology = json.loads(GOOD["topojson"]) | {name: value}
    only_tables_or_refusals(json.dumps(topology).encode(), folder)


@slowly
@given(names=st.lists(st.text(min_size=1, max_size=8), max_size=4, unique=True), data=st.binary(max_size=40))
def test_random_archives_give_tables_or_a_refusal(names, data, folder):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            try:
                archive.writestr(name, data)
            except (ValueError, IndexError):
                return
    only_tables_or_refusals(content.getvalue(), folder)
