"""A ruling's text is cut at its sections and facts: every character once, in order, and overlapping facts side by side."""

from hypothesis import given
from hypothesis import strategies as st

from webapp.crimes.rulings.marking import Span, blocks


def span(fact: int, start: int, end: int, group: str = "when") -> Span:
    return Span(fact, start, end, group, f"fact {fact}", f"field: fact {fact}")


def test_overlapping_facts_share_the_words_that_both_rest_on():
    (block,) = blocks("밤에 골목에서", [["facts", 0, 7]], [span(1, 0, 5, "when"), span(2, 3, 7, "where")])
    assert [(piece.text, piece.facts) for piece in block.pieces] == [("밤에 ", "1"), ("골목", "1 2"), ("에서", "2")]
    assert [piece.label for piece in block.pieces] == ["fact 1", "fact 2", ""]
    assert block.pieces[1].groups == ("where", "when")


def test_letters_beyond_the_basic_plane_count_as_one():
    (block,) = blocks("😀칼", [["facts", 0, 2]], [span(1, 1, 2)])
    assert [(piece.start, piece.text) for piece in block.pieces] == [(0, "😀"), (1, "칼")]


def test_text_between_sections_and_beyond_the_last_is_kept():
    made = blocks("abcdef", [["order", 1, 3], ["facts", 2, 5]], [])
    assert [(block.kind, "".join(piece.text for piece in block.pieces)) for block in made] == [
        ("", "a"),
        ("order", "bc"),
        ("facts", "de"),
        ("", "f"),
    ]


def test_evidence_beyond_the_text_is_cut_off_or_left_out():
    (block,) = blocks("abc", [], [span(1, 2, 9), span(2, 5, 6)])
    assert [(piece.text, piece.facts) for piece in block.pieces] == [("ab", ""), ("c", "1")]


positions = st.tuples(st.integers(0, 30), st.integers(0, 30)).map(sorted)


@given(
    st.text(max_size=30),
    st.lists(positions.map(lambda ends: ["facts", *ends]), max_size=5),
    st.lists(positions, max_size=8),
)
def test_every_character_stands_exactly_once_and_under_its_own_facts(text, sections, spans):
    facts = [span(number, *ends) for number, ends in enumerate(spans)]
    pieces = [piece for block in blocks(text, sections, facts) for piece in block.pieces]
    assert "".join(piece.text for piece in pieces) == text
    for piece in pieces:
        assert text[piece.start : piece.start + len(piece.text)] == piece.text
        for offset in range(len(piece.text)):
            at = piece.start + offset
            assert {one.fact for one in piece.spans} == {one.fact for one in facts if one.start <= at < one.end}
