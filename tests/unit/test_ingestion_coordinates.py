"""Coordinates: every text form, every coordinate system, every trap; mended only where proven and accepted."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Transformer

from ingestion.coordinates import COORDINATE_MENDS, COORDINATE_REASONS, crs_code, guess_crs, locate, read_shapes
from ingestion.coordinates_text import read_number, read_numbers
from ingestion.errors import EVIDENCE, MENDS, REASONS, REFUSALS, WARNINGS, FileRefused
from ingestion.geocoding import Hit, Precision
from ingestion.kinds import Kind
from ingestion.mapping import ColumnMapping
from ingestion.places import Boundary
from webapp.imports.sentences import REASON_LABELS

SEOUL = Boundary.around(shapely.box(126.80, 37.45, 127.15, 37.65))
SMALL = Boundary.around(shapely.box(127.00, 37.45, 127.05, 37.50))
CHICAGO = Boundary.around(shapely.box(-87.90, 41.65, -87.52, 42.02))


def at(latitude, longitude, boundary=SEOUL, **mapping):
    fields = {"latitude": [latitude], "longitude": [longitude]}
    return locate(fields, ColumnMapping(Kind.INCIDENTS, **mapping), boundary)


def drawn(crs, n=400, box=(126.85, 37.46, 127.12, 37.64)):
    """Points in a box, in the coordinates of the CRS, with their degrees."""
    rng = np.random.default_rng(7)
    longitude, latitude = rng.uniform(box[0], box[2], n), rng.uniform(box[1], box[3], n)
    x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(longitude, latitude)
    return np.asarray(x), np.asarray(y), longitude, latitude


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("37.4836", 37.4836),
        (" 37.4836\t", 37.4836),
        ("37,4836", 37.4836),
        ("37,483", 37.483),
        ("1,126,983.5", 1126983.5),
        ("1.126.983,25", 1126983.25),
        ("37.48°", 37.48),
        ("37°28'30.5\"N", 37 + 28 / 60 + 30.5 / 3600),
        ("37° 28′ 30.5″", 37 + 28 / 60 + 30.5 / 3600),
        ("37도 28분 30.5초", 37 + 28 / 60 + 30.5 / 3600),
        ("37-28-30.5", 37 + 28 / 60 + 30.5 / 3600),
        ("북위 37.5", 37.5),
        ("87.6W", -87.6),
        ("서경 87.6", -87.6),
        ("３７．５", 37.5),
        ("−87.6", -87.6),
    ],
)
def test_a_degree_is_read_as_people_write_it(text, value):
    assert read_number(text, is_degrees=True) == (pytest.approx(value), 0)


def test_one_comma_before_three_digits_separates_thousands_among_metres():
    assert read_number("200,483", is_degrees=False)[0] == 200483


@pytest.mark.parametrize("text", ["", "  ", "-", "없음", "미상", "NULL", "#N/A"])
def test_what_says_nothing_is_missing(text):
    assert read_numbers([text], is_degrees=True)[1][0] == 1


@pytest.mark.parametrize(
    "text", ["37_5", "37＿5", "abc", "N37.5S", "37°75'", "37.5" + "0" * 40 + "x", "nan", "inf", "12 30", "37.4.8"]
)
def test_what_is_not_unmistakable_is_no_number(text):
    assert read_numbers([text], is_degrees=True)[1][0] == 2


def test_a_long_decimal_is_not_cut_off():
    text = "0" * 40 + "37.5"
    assert read_numbers([text, "1"], is_degrees=True)[0][0] == 37.5


@settings(deadline=None)  # the first call looks the systems up
@given(st.text(max_size=40), st.text(max_size=40))
def test_no_text_raises_and_every_row_ends_with_a_point_or_a_reason(latitude, longitude):
    located = at(latitude, longitude)
    inside = SEOUL.holds(located.latitude, located.longitude)[0]
    assert bool(located.code(0)) != bool(inside)
    assert isinstance(located.value(0), str)


@pytest.mark.parametrize(
    ("latitude", "longitude", "code", "field"),
    [
        ("37.5", "127.0", "", None),
        ("", "", "coordinate_missing", "latitude"),
        ("37.5", "", "half_coordinate", "longitude"),
        ("-", "127.0", "half_coordinate", "latitude"),
        ("0", "4664046.125", "coordinate_zero", "latitude"),
        ("0", "0", "coordinate_zero", "latitude"),
        ("37.5", "x", "not_a_number", "longitude"),
        ("127.0", "37.5", "swapped_coordinates", "latitude"),
        ("37.5", "-127.0", "sign_lost", "latitude"),
        ("32.53129", "123.77474", "outside", "latitude"),
        ("32.57393", "124.87028", "false_point", "latitude"),
        ("95", "500", "outside", "latitude"),
    ],
)
def test_each_trap_has_its_own_reason(latitude, longitude, code, field):
    located = at(latitude, longitude)
    assert located.code(0) == code
    if field:
        assert located.field(0) == field


def test_a_point_outside_says_how_far_off_it_lies():
    assert at("37.66", "127.0").value(0) == "37.66, 127.0 (1.1 km)"
    assert at("32.53129", "123.77474").value(0) == "32.53129, 123.77474 (609 km)"


def test_the_zero_point_of_illinois_is_known_for_what_it_is():
    located = at("36.619446395", "-91.686565684", CHICAGO)
    assert located.code(0) == "false_point"
    assert located.value(0) == "36.619446395, -91.686565684 = 0, 0 (EPSG:3435)"
    assert at("36.619", "-91.687", CHICAGO).code(0) == "false_point"


@pytest.mark.parametrize(
    ("latitude", "longitude", "mend"), [("127.0", "37.5", "swap"), ("-37.5", "127.0", "sign"), ("550000", "200000", "metres")]
)
def test_a_proven_mend_is_proposed_and_carried_out_only_when_accepted(latitude, longitude, mend):
    proposed = at(latitude, longitude)
    assert proposed.code(0)
    assert proposed.mend_code(0) == mend
    assert not proposed.mended[0]
    accepted = at(latitude, longitude, mends=frozenset({mend}))
    assert accepted.code(0) == ""
    assert accepted.mended_rows()[mend].tolist() == [0]
    assert (round(accepted.latitude[0], 1), round(accepted.longitude[0], 1)) == (37.5, 127.0)
    assert at(latitude, longitude, mends=frozenset(set(COORDINATE_MENDS) - {mend})).code(0) == proposed.code(0)


def test_metres_that_fit_several_systems_are_not_mended():
    located = at("450000", "200000", mends=frozenset({"metres"}))
    assert located.code(0) == "metres_unclear"
    assert located.mend_code(0) == ""
    assert located.value(0) == "450000, 200000 = EPSG:5174 / EPSG:5181 / EPSG:2097"


def test_metres_are_converted_when_a_person_names_their_system():
    x, y, longitude, latitude = drawn("EPSG:5174", 1)
    options = {"metres_crs": "5174"}
    located = at(str(y[0]), str(x[0]), mends=frozenset({"metres"}), options=options)
    assert (located.latitude[0], located.longitude[0]) == pytest.approx((latitude[0], longitude[0]), abs=1e-7)


def test_degrees_in_a_file_of_metres_are_found():
    located = at("37.5", "127.0", crs="EPSG:5186")
    assert (located.code(0), located.mend_code(0)) == ("degrees_among_metres", "degrees")
    accepted = at("37.5", "127.0", crs="EPSG:5186", mends=frozenset({"degrees"}))
    assert (accepted.latitude[0], accepted.longitude[0]) == (37.5, 127.0)


@pytest.mark.parametrize("crs", ["EPSG:5174", "EPSG:5179", "EPSG:5181", "EPSG:5186", "EPSG:2097", "EPSG:3857", "ESRI:102100"])
def test_points_come_back_from_every_system(crs):
    x, y, longitude, latitude = drawn(crs)
    fields = {"latitude": [f"{one:,.4f}" for one in y], "longitude": [f"{one:,.4f}" for one in x]}
    located = locate(fields, ColumnMapping(Kind.PLACES, crs=crs), SEOUL)
    assert not located.reason.any()
    np.testing.assert_allclose(located.latitude, latitude, atol=1e-8)
    np.testing.assert_allclose(located.longitude, longitude, atol=1e-8)


def test_a_state_plane_in_feet_and_a_wkt_crs_are_taken():
    x, y, longitude, _ = drawn("EPSG:3435", box=(-87.8, 41.7, -87.6, 41.9))
    fields = {"latitude": list(map(str, y)), "longitude": list(map(str, x))}
    for crs in ("3435", CRS("EPSG:3435").to_wkt("WKT1_ESRI")):
        located = locate(fields, ColumnMapping(Kind.INCIDENTS, crs=crs), CHICAGO)
        assert not located.reason.any()
        np.testing.assert_allclose(located.longitude, longitude, atol=1e-8)


def test_a_file_swapped_throughout_is_read_by_its_mapping():
    located = at("127.0", "37.5", swapped=True)
    assert (located.latitude[0], located.longitude[0], located.code(0)) == (37.5, 127.0, "")
    missing = at("127.0", "", swapped=True)
    assert (missing.code(0), missing.field(0)) == ("half_coordinate", "longitude")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("POINT (127.0 37.5)", ""),
        ("MULTIPOINT(127.0 37.5)", ""),
        ("SRID=4326;POINT(127.0 37.5)", ""),
        ('{"type": "Point", "coordinates": [127.0, 37.5]}', ""),
        ("(37.5, 127.0)", ""),
        ("POLYGON ((127 37.5, 127.01 37.5, 127.01 37.51, 127 37.5))", ""),
        (shapely.to_wkb(shapely.Point(127.0, 37.5), hex=True), ""),
        ("POINT (37.5 127.0)", "swapped_coordinates"),
        ("POINT EMPTY", "geometry_empty"),
        ("", "coordinate_missing"),
        ("POLYGON ((127 37.5, 127.01 37.5, 127.01 37.51))", "geometry_unreadable"),
        ("POINT (127.0 nan)", "geometry_unreadable"),
        ('{"type": "Point"', "geometry_unreadable"),
        ("POINT (0 0)", "coordinate_zero"),
    ],
)
def test_a_geometry_column_gives_points(text, code):
    located = locate({"geometry": [text]}, ColumnMapping(Kind.PLACES), SEOUL)
    assert located.code(0) == code
    if not code:
        assert (located.longitude[0], located.latitude[0]) == pytest.approx((127.0, 37.5), abs=0.01)


def test_no_coordinate_column_at_all_leaves_every_row_without_a_place():
    located = locate({"address": ["a", "b"]}, ColumnMapping(Kind.PLACES), SEOUL)
    assert [located.code(row) for row in range(2)] == ["coordinate_missing"] * 2


def test_outlines_are_read_in_their_system_and_crossing_ones_only_taken_apart_when_accepted():
    x, y, longitude, latitude = drawn("EPSG:5179", 1)
    square = shapely.box(x[0], y[0], x[0] + 100, y[0] + 100).wkt
    bow = "POLYGON ((955000 1950000, 956000 1951000, 956000 1950000, 955000 1951000, 955000 1950000))"
    shapes = read_shapes([square, bow, "", "x"], ColumnMapping(Kind.AREAS, crs="EPSG:5179"))
    assert [shapes.code(row) for row in range(4)] == ["", "geometry_invalid", "geometry_missing", "geometry_unreadable"]
    assert shapes.shape[0].bounds[:2] == pytest.approx((longitude[0], latitude[0]), abs=1e-4)
    mended = read_shapes([square, bow], ColumnMapping(Kind.AREAS, crs="EPSG:5179", mends=frozenset({"make_valid"})))
    assert mended.mended.tolist() == [False, True]
    assert shapely.is_valid(mended.shape[1])


@pytest.mark.parametrize(
    ("text", "code"),
    [("5174", "EPSG:5174"), (" epsg:5179 ", "EPSG:5179"), ("UTM-K", "EPSG:5179"), ("urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326")],
)
def test_a_crs_is_known_by_the_names_people_use(text, code):
    assert crs_code(text) == code


@pytest.mark.parametrize("text", ["", "EPSG:999999", "nonsense", "EPSG:5773", "EPSG:4978"])
def test_what_is_no_horizontal_crs_is_refused_with_a_sentence(text):
    with pytest.raises(FileRefused) as refused:
        crs_code(text)
    assert refused.value.code == "unknown_crs"
    assert "EPSG:5174" in str(REFUSALS["unknown_crs"].format(**refused.value.fields))


@pytest.mark.parametrize("crs", ["EPSG:5179", "EPSG:5186"])
def test_a_system_is_decided_where_no_other_puts_the_points_near(crs):
    x, y, _, _ = drawn(crs)
    areas = {"west": shapely.box(126.8, 37.4, 127.0, 37.7), "east": shapely.box(127.0, 37.4, 127.2, 37.7)}
    guess = guess_crs(x, y, boundary=SEOUL)
    assert guess.best.crs == crs
    assert guess.decided or {one.crs for one in guess.candidates[1:]} <= {"EPSG:5178"}
    assert guess_crs(y, x, boundary=SEOUL).best.swapped
    assert not guess_crs(x, y, boundary=SEOUL, address_areas=[""] * len(x), areas=areas).candidates[0].judged


def test_systems_some_hundred_metres_apart_stay_an_open_question_without_addresses():
    x, y, _, _ = drawn("EPSG:5174")
    guess = guess_crs(x, y, boundary=SEOUL)
    assert not guess.decided
    assert {one.crs for one in guess.candidates} == {"EPSG:5174", "EPSG:5181", "EPSG:2097"}
    assert guess.evidence[-1].code == "crs_open"


@pytest.mark.parametrize("crs", ["EPSG:5174", "EPSG:5181", "EPSG:2097"])
@pytest.mark.parametrize("boundary", [SEOUL, SMALL])
def test_the_addresses_decide_between_them_also_for_one_district_of_a_city_file(crs, boundary):
    x, y, longitude, _ = drawn(crs, 3000)
    edges = np.linspace(126.8, 127.2, 41)
    areas = {f"strip {i}": shapely.box(edges[i], 37.4, edges[i + 1], 37.7) for i in range(40)}
    names = [f"strip {np.searchsorted(edges, one) - 1}" for one in longitude]
    guess = guess_crs(x, y, boundary=boundary, address_areas=names, areas=areas)
    assert (guess.best.crs, guess.decided, guess.best.in_own_area) == (crs, True, 1.0)
    for evidence in guess.evidence:
        assert EVIDENCE[evidence.code].format(**evidence.fields)


def test_displaced_areas_decide_nothing():
    x, y, longitude, _ = drawn("EPSG:5174", 3000)
    edges = np.linspace(126.8, 127.2, 41)
    areas = {f"strip {i}": shapely.box(edges[i] + 0.003, 37.4, edges[i + 1] + 0.003, 37.7) for i in range(40)}
    names = [f"strip {np.searchsorted(edges, one) - 1}" for one in longitude]
    assert not guess_crs(x, y, boundary=SEOUL, address_areas=names, areas=areas).decided


def test_a_file_of_another_place_fits_nowhere():
    _, _, longitude, latitude = drawn("EPSG:4326", box=(-87.8, 41.7, -87.6, 41.9))
    guess = guess_crs(longitude, latitude, boundary=SEOUL)
    assert (guess.best, guess.decided, guess.evidence[0].code) == (None, False, "crs_nowhere")


def test_no_points_are_no_evidence():
    assert guess_crs(np.array([np.nan, 0.0]), np.array([1.0, 2.0]), boundary=SEOUL).evidence[0].code == "crs_no_points"


def test_swapped_degrees_are_recognised():
    _, _, longitude, latitude = drawn("EPSG:4326")
    guess = guess_crs(latitude, longitude, boundary=SEOUL)
    assert (guess.best.crs, guess.best.swapped, guess.decided) == ("EPSG:4326", True, True)


@pytest.mark.parametrize("accepted", [False, True])
def test_rows_without_coordinates_are_looked_up_by_their_addresses_and_placed_only_when_accepted(accepted):
    known = {
        "길 1": Hit(127.0, 37.5, Precision.LOT, "서초구 길 1", "gazetteer"),
        "동 2": Hit(127.1, 37.6, Precision.EXACT, "동 2", "juso"),
    }
    asked = []

    def find(texts):
        asked.extend(texts)
        return [known.get(text) for text in texts]

    fields = {
        "latitude": ["", "37.5", "0", "", "", "37.5"],
        "longitude": ["", "", "0", "", "", "127.0"],
        "address": ["길 1", "길 1", "모름", "", "모름", "길 1"],
        "lot_address": ["", "", "동 2", "동 2", "", ""],
    }
    mapping = ColumnMapping(Kind.PLACES, mends=frozenset({"geocode"} if accepted else ()))
    located = locate(fields, mapping, SEOUL, find=find)
    assert asked == ["길 1", "길 1", "모름", "모름", "동 2", "동 2"]
    assert [located.mend_code(row) for row in range(6)] == ["geocode"] * 4 + ["", ""]
    codes = [located.code(row) for row in range(6)]
    if accepted:
        assert codes == ["", "", "", "", "coordinate_missing", ""]
        assert located.mended_rows()["geocode"].tolist() == [0, 1, 2, 3]
        assert (located.longitude[0], located.latitude[3]) == (127.0, 37.6)
    else:
        assert codes == ["address_only"] * 4 + ["coordinate_missing", ""]
        assert located.value(0) == "서초구 길 1 (lot, gazetteer)"


def test_an_address_outside_the_jurisdiction_places_no_row():
    find = lambda texts: [Hit(129.0, 35.1, Precision.EXACT, "부산", "juso") for _ in texts]  # noqa: E731
    located = locate({"address": ["부산"]}, ColumnMapping(Kind.PLACES, mends=frozenset({"geocode"})), SEOUL, find=find)
    assert (located.code(0), located.mend_code(0)) == ("coordinate_missing", "")


def test_a_reason_has_a_mend_for_all_its_rows_or_for_none():
    """Reports count rows by reason and say of a reason what mends it."""
    rows = [
        ("127.0", "37.5"),
        ("550000", "200000"),
        ("450000", "200000"),
        ("", ""),
        ("37.5", ""),
        ("99", "1"),
        ("37.5", "-127.0"),
    ]
    located = locate({"latitude": [y for y, _ in rows], "longitude": [x for _, x in rows]}, ColumnMapping(Kind.PLACES), SEOUL)
    mends = {(located.code(row), located.mend_code(row)) for row in range(len(rows))}
    assert len({code for code, _ in mends}) == len(mends) == 7


def test_every_code_has_its_sentence_and_its_label():
    for code in COORDINATE_REASONS[1:]:
        assert code in REASONS
        assert code in REASON_LABELS
    for code in COORDINATE_MENDS[1:]:
        assert code in MENDS
        assert f"mended_{code}" in WARNINGS


_NUMBERS = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([37.5, 127.0, -37.5, 200000.0, 550000.0, 1e308])
)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(_NUMBERS, _NUMBERS), max_size=8), st.sampled_from(["EPSG:4326", "EPSG:5174", "EPSG:3435", "ESRI:102100"])
)
def test_no_numbers_raise_in_any_system(pairs, crs):
    x, y = np.array([one for one, _ in pairs], float), np.array([other for _, other in pairs], float)
    guess = guess_crs(x, y, boundary=SEOUL)
    assert all(0 <= one.inside <= one.near <= 1 for one in guess.candidates)
    fields = {"latitude": [str(one) for one in y], "longitude": [str(one) for one in x]}
    located = locate(fields, ColumnMapping(Kind.PLACES, crs=crs, mends=frozenset(COORDINATE_MENDS[1:])), SEOUL)
    good = located.reason == 0
    assert SEOUL.holds(located.latitude[good], located.longitude[good]).all()
    assert all(isinstance(located.value(row), str) for row in range(len(pairs)))


_SHAPES = [
    "POINT",
    "POLYGON",
    "GEOMETRYCOLLECTION",
    "EMPTY",
    "((",
    "))",
    "1 2",
    ",",
    "nan",
    "SRID=5179;",
    '{"type":',
    '"Point"}',
    "0101",
    "(1, 2)",
]


@settings(deadline=None)
@given(st.lists(st.one_of(st.text(max_size=30), st.lists(st.sampled_from(_SHAPES), max_size=6).map(" ".join)), max_size=4))
def test_no_text_raises_as_a_geometry(texts):
    shapes = read_shapes(texts, ColumnMapping(Kind.AREAS))
    for row in range(len(texts)):
        assert (shapes.shape[row] is None) == bool(shapes.code(row))
    located = locate({"geometry": texts}, ColumnMapping(Kind.PLACES), SEOUL)
    assert SEOUL.holds(located.latitude, located.longitude).tolist() == [not located.code(row) for row in range(len(texts))]
