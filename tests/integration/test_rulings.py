"""Rulings in the database: taken in once with their facts, undone without a trace, read under audit, corrected by people."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from django.db import connection, transaction
from django.utils import timezone

from ingestion.kinds import Kind
from ingestion.mapping import ColumnMapping
from tests.factories import make_user
from tests.rulings import ACQUITTAL, BODILESS, ROBBERY, TEXT, make_ruling, make_upload, write_rulings
from webapp.audit.models import AuditEntry
from webapp.common.errors import Conflict, HaechiError, NotAllowed, NotFound
from webapp.common.intake import Intake, taker_of, undo_rows
from webapp.common.services import no_progress
from webapp.crimes.models import Ruling, RulingFact
from webapp.crimes.rulings import selectors, services
from webapp.crimes.rulings.priors import priors_page, ruling_priors
from webapp.imports.findings import quality_of
from webapp.imports.models import RejectedRow
from webapp.imports.services import commit_file, open_file, run_check, run_undo

pytestmark = pytest.mark.django_db


def intake(jurisdiction, path, upload=None, **changes):
    upload = upload or make_upload(jurisdiction, name=path.name)
    given = Intake(
        jurisdiction=jurisdiction,
        upload_id=upload.pk,
        path=path,
        file_name=path.name,
        mapping=ColumnMapping(kind=Kind.RULINGS),
        max_content_bytes=10**9,
        now=timezone.now(),
        progress=no_progress,
    )
    return replace(given, **changes)


def take(jurisdiction, path, **changes):
    given = intake(jurisdiction, path, **changes)
    return given.upload_id, taker_of("rulings").take(given)


def everything(table):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*), coalesce(md5(string_agg(t::text, '|' ORDER BY id)), '') FROM {table} t")  # noqa: S608
        return cursor.fetchone()


# --- taking in


def test_rulings_come_in_with_their_facts_and_their_words(jurisdiction, tmp_path):
    _upload, report = take(jurisdiction, write_rulings(tmp_path / "판결.jsonl", ROBBERY, ACQUITTAL))
    assert (report.rows, report.accepted, report.rejected) == (2, 2, 0)
    ruling = Ruling.objects.of(jurisdiction).get(case_no="2019고합101")
    assert (ruling.court, ruling.verdict, str(ruling.decided_on)) == ("시험지방법원", "guilty", "2019-06-21")
    facts = list(RulingFact.objects.filter(ruling=ruling))
    told = {(fact.field, fact.value) for fact in facts}
    assert {("category", "robbery"), ("time", "23:40"), ("risk_factor", "following")} <= told
    following = next(fact for fact in facts if fact.value == "following")
    assert "뒤따라" in ruling.text[following.start : following.end]
    assert {section[0] for section in ruling.sections} >= {"facts", "order"}
    assert report.months == {"2019-06": 1, "2020-02": 1}
    assert report.hours[23] == 1
    assert report.sums["with_time"] == 2


def test_the_facts_of_an_acquittal_are_allegations(jurisdiction, tmp_path):
    take(jurisdiction, write_rulings(tmp_path / "a.jsonl", ACQUITTAL))
    ruling = Ruling.objects.of(jurisdiction).get()
    assert ruling.verdict == "acquitted"
    assert set(RulingFact.objects.filter(ruling=ruling).values_list("is_allegation", flat=True)) == {True}


def test_the_same_ruling_again_is_a_warning_and_not_stored_twice(jurisdiction, tmp_path):
    take(jurisdiction, write_rulings(tmp_path / "a.jsonl", ROBBERY))
    before = everything("crimes_ruling"), everything("crimes_rulingfact")
    _upload, report = take(jurisdiction, write_rulings(tmp_path / "b.jsonl", ROBBERY, ROBBERY))
    assert (everything("crimes_ruling"), everything("crimes_rulingfact")) == before
    assert report.warnings["ruling_there"].count == 2
    assert report.warnings["ruling_there"].values == ["시험지방법원 2019고합101"]
    assert (report.rows, report.accepted, report.sums["new"]) == (2, 2, 0)


def test_the_same_ruling_in_another_jurisdiction_is_another_one(jurisdiction, other_jurisdiction, tmp_path):
    path = write_rulings(tmp_path / "a.jsonl", ROBBERY)
    take(jurisdiction, path)
    take(other_jurisdiction, path)
    assert Ruling.objects.of(jurisdiction).count() == Ruling.objects.of(other_jurisdiction).count() == 1


def test_a_ruling_without_a_body_is_rejected_with_its_reason(jurisdiction, tmp_path):
    upload, report = take(jurisdiction, write_rulings(tmp_path / "a.jsonl", BODILESS, ROBBERY))
    assert (report.rows, report.accepted, report.rejected) == (2, 1, 1)
    row = RejectedRow.objects.get(upload_id=upload)
    assert (row.line, row.reason, row.value) == (1, "ruling_no_text", "invented-3")


def test_half_a_letter_in_broken_json_does_not_stop_the_file(jurisdiction, tmp_path):
    path = tmp_path / "a.jsonl"
    write_rulings(path, ROBBERY)
    path.write_text(path.read_text().replace("도주하였다", "도주\\ud83d하였다"))
    _upload, report = take(jurisdiction, path)
    assert report.accepted == 1
    assert "도주\ufffd하였다" in Ruling.objects.of(jurisdiction).get().text


def test_undo_removes_the_rulings_of_an_upload_with_their_facts_and_nothing_else(jurisdiction, tmp_path):
    make_ruling(jurisdiction)
    tables = ("crimes_ruling", "crimes_rulingfact")
    before = [everything(table) for table in tables]
    upload, _report = take(jurisdiction, write_rulings(tmp_path / "a.jsonl", ROBBERY, ACQUITTAL))
    taker = taker_of("rulings")
    taker.before_undo(upload)
    with transaction.atomic():
        removed = undo_rows(upload_id=upload, tables=taker.tables)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert removed == {"crimes_ruling": 2}
    assert [everything(table) for table in tables] == before


def test_undo_is_refused_while_corrections_by_people_rest_on_the_rulings(jurisdiction, analyst):
    ruling = make_ruling(jurisdiction)
    fact = services.remove_fact(user=analyst, fact_id=ruling.facts.first().pk)
    with pytest.raises(Conflict, match="1 correction by a person rests on the rulings of this upload"):
        taker_of("rulings").before_undo(ruling.upload_id)
    services.take_back(user=analyst, fact_id=fact.pk)
    taker_of("rulings").before_undo(ruling.upload_id)


def test_the_whole_way_of_an_upload_leads_in_and_out_again(jurisdiction, administrator, tmp_path):
    tables = ("crimes_ruling", "crimes_rulingfact")
    before = [everything(table) for table in tables]
    path = write_rulings(tmp_path / "판결.jsonl", ROBBERY, ACQUITTAL, BODILESS)
    upload = open_file(jurisdiction=jurisdiction, path=path, user=administrator)
    assert upload.kind == "rulings"
    checked = run_check(upload_id=upload.pk, path=path)
    assert (checked.report["accepted"], checked.report["rejected"]) == (2, 1)
    assert [everything(table) for table in tables] == before
    taken = commit_file(upload=checked, path=path)
    assert (taken.state, taken.rows_accepted, taken.rows_rejected) == ("committed", 2, 1)
    assert Ruling.objects.of(jurisdiction).count() == 2
    fact = services.remove_fact(user=administrator, fact_id=RulingFact.objects.filter(ruling__upload=taken).first().pk)
    with pytest.raises(Conflict, match="rests on the rulings of this upload"):
        run_undo(upload_id=taken.pk, reason="a wrong file", user=administrator)
    assert Ruling.objects.of(jurisdiction).count() == 2
    services.take_back(user=administrator, fact_id=fact.pk)
    assert run_undo(upload_id=taken.pk, reason="a wrong file", user=administrator).state == "undone"
    assert [everything(table) for table in tables] == before


# --- reading


def test_reading_a_ruling_leaves_a_line_in_the_trail(jurisdiction, analyst):
    ruling = make_ruling(jurisdiction)
    page = selectors.ruling_page(user=analyst, ruling_id=ruling.pk)
    assert "".join(piece.text for block in page.blocks for piece in block.pieces) == TEXT
    entry = AuditEntry.objects.get(action="read_ruling")
    assert (entry.actor, entry.target) == (analyst, f"ruling:{ruling.pk}")
    assert entry.detail == {"case": f"시험지방법원 {ruling.case_no}", "facts": 7}


def test_only_some_roles_read_rulings_and_only_those_of_their_jurisdiction(jurisdiction, operator, auditor, outsider):
    ruling = make_ruling(jurisdiction)
    for user in (operator, auditor):
        with pytest.raises(NotAllowed):
            selectors.ruling_page(user=user, ruling_id=ruling.pk)
    with pytest.raises(NotFound):
        selectors.ruling_page(user=outsider, ruling_id=ruling.pk)
    assert list(selectors.rulings(user=outsider, query={})) == []
    with pytest.raises(NotFound):
        services.remove_fact(user=outsider, fact_id=ruling.facts.first().pk)
    assert not AuditEntry.objects.filter(action="read_ruling").exists()


def test_the_list_is_narrowed_by_facts_verdict_words_and_corrections(jurisdiction, analyst):
    robbery = make_ruling(jurisdiction)
    bar = make_ruling(jurisdiction, [(0, "category", "violence", ""), (0, "place_kind", "bar", "")], verdict="acquitted")
    empty = make_ruling(jurisdiction, [], text="상고를 기각한다. 100% 이유 없다.")

    def found(**query):
        return set(selectors.rulings(user=analyst, query=query))

    assert found(category="robbery") == {robbery}
    assert found(place_kind="bar", verdict="acquitted") == {bar}
    assert found(place_kind="bar", category="robbery") == set()
    assert found(facts="none") == {empty}
    assert found(facts="found") == {robbery, bar}
    assert found(q="100%") == {empty}
    assert found(q=robbery.case_no) == {robbery}
    services.remove_fact(user=analyst, fact_id=robbery.facts.get(field="category").pk)
    assert found(facts="corrected") == {robbery}
    assert found(category="robbery") == set()
    options = selectors.filter_options(user=analyst)
    assert [(option.code, option.rulings) for option in options["category"]] == [("violence", 1)]


# --- correcting


def test_a_correction_supersedes_the_fact_and_keeps_what_was_found(jurisdiction, analyst):
    ruling = make_ruling(jurisdiction)
    old = ruling.facts.get(field="place_kind")
    new = services.correct_fact(user=analyst, fact_id=old.pk, value="street")
    old.refresh_from_db()
    assert (old.value, old.superseded_by) == ("alley", new)
    assert (new.value, new.origin, new.created_by, new.start, new.end) == ("street", "person", analyst, old.start, old.end)
    (line,) = [line for line in selectors.fact_lines(ruling=ruling) if line.field == "place_kind"]
    assert (line.value, line.is_corrected, [change.value for change in line.history]) == ("street", True, ["alley"])
    entry = AuditEntry.objects.get(action="correct_ruling")
    assert entry.detail["before"] == "alley"
    assert entry.detail["after"] == "street"


def test_words_chosen_by_a_person_become_the_evidence_also_behind_letters_beyond_the_basic_plane(jurisdiction, analyst):
    ruling = make_ruling(jurisdiction, [])
    start = TEXT.index("도주")
    fact = services.add_fact(
        user=analyst, ruling_id=ruling.pk, event=1, field="risk_factor", value="running", start=start, end=start + 2, quote="도주"
    )
    assert TEXT[fact.start : fact.end] == "도주"
    assert (fact.event, fact.is_allegation) == (1, False)
    with pytest.raises(Conflict):
        services.add_fact(
            user=analyst,
            ruling_id=ruling.pk,
            event=1,
            field="risk_factor",
            value="running",
            start=start,
            end=start + 2,
            quote="도주",
        )


def test_words_that_do_not_stand_there_are_refused(jurisdiction, analyst):
    ruling = make_ruling(jurisdiction, [])
    common = {"user": analyst, "ruling_id": ruling.pk, "event": 0, "field": "risk_factor", "value": "running"}
    for span in ({"start": 3, "end": 5, "quote": "도주"}, {"start": 0, "end": 10**6, "quote": ""}, {"start": 4, "quote": "도"}):
        with pytest.raises(services.SpanRefused):
            services.add_fact(**common, **span)
    assert not RulingFact.objects.filter(ruling=ruling).exists()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("date", "2019-02-30", "2019-03-15"),
        ("date", "어제", "2019-03-15"),
        ("time", "25:61", "23:40"),
        ("category", "jaywalking", "one of the list"),
        ("dong", "가" * 121, "120"),
        ("dong", "", "120"),
        ("offenders", "0", "2"),
        ("colour", "red", "colour"),
    ],
)
def test_a_value_that_the_field_does_not_take_is_refused_with_its_form(jurisdiction, analyst, field, value, said):
    ruling = make_ruling(jurisdiction, [])
    with pytest.raises(HaechiError) as caught:
        services.add_fact(user=analyst, ruling_id=ruling.pk, event=0, field=field, value=value)
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("field", "value"),
    [("date", "2019-03"), ("time", "24:00"), ("offence", "robbery_attempt"), ("drinking", "yes"), ("offenders", "2+")],
)
def test_every_form_of_the_program_is_open_to_people_too(jurisdiction, analyst, field, value):
    ruling = make_ruling(jurisdiction, [])
    assert services.add_fact(user=analyst, ruling_id=ruling.pk, event=0, field=field, value=value).value == value


def test_a_removed_fact_no_longer_shows_and_comes_back_when_taken_back(jurisdiction, analyst):
    ruling = make_ruling(jurisdiction)
    before = everything("crimes_rulingfact")
    fact = ruling.facts.get(value="running")
    gone = services.remove_fact(user=analyst, fact_id=fact.pk)
    page = selectors.ruling_page(user=analyst, ruling_id=ruling.pk)
    assert fact.pk not in {line.id for line in page.facts}
    assert [line.history[0].value for line in page.gone] == ["running"]
    assert services.take_back(user=analyst, fact_id=gone.pk) == fact
    assert everything("crimes_rulingfact") == before
    assert AuditEntry.objects.filter(action="correct_ruling").count() == 2


def test_an_added_fact_that_is_taken_back_leaves_nothing(jurisdiction, analyst):
    ruling = make_ruling(jurisdiction)
    before = everything("crimes_rulingfact")
    fact = services.add_fact(user=analyst, ruling_id=ruling.pk, event=0, field="dong", value="방배동")
    assert services.take_back(user=analyst, fact_id=fact.pk) is None
    assert everything("crimes_rulingfact") == before


def test_who_is_slower_is_told_that_somebody_was_faster(jurisdiction, analyst, administrator):
    fact = make_ruling(jurisdiction).facts.get(field="place_kind")
    services.correct_fact(user=analyst, fact_id=fact.pk, value="street")
    with pytest.raises(Conflict, match="Somebody has corrected this fact meanwhile"):
        services.correct_fact(user=administrator, fact_id=fact.pk, value="park")
    with pytest.raises(Conflict, match="Only the newest correction"):
        services.take_back(user=administrator, fact_id=fact.pk)


def test_a_correction_that_changes_nothing_is_said_to(jurisdiction, analyst):
    fact = make_ruling(jurisdiction).facts.get(field="place_kind")
    with pytest.raises(Conflict, match="Nothing was changed"):
        services.correct_fact(user=analyst, fact_id=fact.pk, value="alley")
    assert services.correct_fact(user=analyst, fact_id=fact.pk, value="alley", is_allegation=True).is_allegation


def test_a_new_event_of_an_acquittal_is_an_allegation(jurisdiction, analyst):
    ruling = make_ruling(jurisdiction, [], verdict="acquitted")
    assert services.add_fact(user=analyst, ruling_id=ruling.pk, event=0, field="category", value="theft").is_allegation


def test_who_may_not_correct_is_refused(jurisdiction, operator):
    fact = make_ruling(jurisdiction).facts.first()
    acts = (
        lambda: services.remove_fact(user=operator, fact_id=fact.pk),
        lambda: services.correct_fact(user=operator, fact_id=fact.pk, value="street"),
        lambda: services.take_back(user=operator, fact_id=fact.pk),
        lambda: services.add_fact(user=operator, ruling_id=fact.ruling_id, event=0, field="dong", value="가"),
    )
    for act in acts:
        with pytest.raises(NotAllowed):
            act()


# --- pages


def test_the_text_is_escaped_and_the_words_are_marked(jurisdiction, analyst, client):
    ruling = make_ruling(jurisdiction)
    client.force_login(analyst)
    page = client.get(f"/rulings/{ruling.pk}/").content.decode()
    assert "<script>alert(1)</script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    fact = ruling.facts.get(value="following")
    assert f'data-start="{fact.start}" data-facts="{fact.pk}"' in page


def test_the_pages_say_what_to_do_while_there_is_nothing(jurisdiction, administrator, analyst, operator, client):
    client.force_login(administrator)
    assert "Upload rulings as text, PDF" in client.get("/rulings/").content.decode()
    assert "No ruling matches" in client.get("/rulings/?q=x").content.decode()
    client.force_login(analyst)
    assert "An administrator of your centre can upload them." in client.get("/rulings/").content.decode()
    client.force_login(operator)
    assert client.get("/rulings/").status_code == 403
    assert client.get("/rulings/1/").status_code == 403


def test_who_may_not_correct_sees_no_buttons_to_correct(jurisdiction, analyst, client, monkeypatch):
    from webapp.accounts import permissions

    ruling = make_ruling(jurisdiction)
    reader = permissions.ALLOWED | {"analyst": permissions.ALLOWED["analyst"] - {permissions.Act.CORRECT_RULINGS}}
    monkeypatch.setattr(permissions, "ALLOWED", reader)
    client.force_login(analyst)
    page = client.get(f"/rulings/{ruling.pk}/").content.decode()
    assert "data-do=" not in page
    assert "data-add" not in page


def test_the_list_shows_what_the_facts_come_to_and_pages_on(jurisdiction, analyst, client):
    for _ in range(26):
        make_ruling(jurisdiction, [(0, "category", "robbery", ""), (1, "risk_factor", "night", "")])
    client.force_login(analyst)
    page = client.get("/rulings/?category=robbery").content.decode()
    assert "26 rulings" in page
    assert "1 / 2" in page
    assert "?page=2&amp;category=robbery" in page
    assert client.get("/rulings/?category=robbery&page=2").content.decode().count("/rulings/1") <= 2


def test_a_person_of_another_jurisdiction_reads_nothing(jurisdiction, other_jurisdiction, client):
    ruling = make_ruling(jurisdiction)
    client.force_login(make_user(other_jurisdiction, "analyst"))
    assert client.get(f"/rulings/{ruling.pk}/").status_code == 404


def test_an_upload_of_rulings_in_a_request_is_noted_with_its_address(jurisdiction, analyst):
    ruling = make_ruling(jurisdiction)
    request = SimpleNamespace(META={"REMOTE_ADDR": "10.0.0.7"})
    selectors.ruling_page(user=analyst, ruling_id=ruling.pk, request=request)
    assert AuditEntry.objects.get(action="read_ruling").address == "10.0.0.7"


# --- what rulings say together


def tell(jurisdiction, category, *, n=1, **changes):
    """Rulings of one event each with a category, a place, an hour, and the risk factors that are named."""
    factors = changes.pop("factors", ())
    place, hour = changes.pop("place", "street"), changes.pop("time", "14:00")
    facts = [(0, "category", category, ""), (0, "place_kind", place, ""), (0, "time", hour, "")]
    facts += [(0, "risk_factor", factor, "") for factor in factors]
    return [make_ruling(jurisdiction, facts, **changes) for _ in range(n)]


def cell(page, category, factor):
    return next(line for line in page.ratio_lines if (line.category, line.risk_factor) == (category, factor))


def test_the_page_shows_what_one_category_names_more_often(jurisdiction, operator, client):
    tell(jurisdiction, "robbery", n=12, factors=["following"], place="alley", time="23:10")
    tell(jurisdiction, "theft", n=30, factors=["intrusion"])
    page = priors_page(user=operator, category="robbery")
    line = cell(page, "robbery", "following")
    assert (line.events, line.of_events) == (12, 12)
    assert line.low > 1.5
    assert line.heat.startswith("heat-up")
    assert cell(page, "theft", "following").heat.startswith("heat-down")
    (row,) = page.place_rows
    assert (row.label, row.events, row.cells[-1].events, row.cells[-1].share) == ("alley", 12, 12, 1.0)
    client.force_login(operator)
    html = client.get("/risk-factors/?category=robbery").content.decode()
    assert "42 charged events of 42 rulings count (of 42 stored)." in html
    assert "Of 12 events of this category 12 tell both" in html
    assert 'href="/rulings/"' not in html  # an operator does not read rulings


def test_allegations_are_left_out_and_said_to_be(jurisdiction, operator):
    tell(jurisdiction, "theft", n=2, factors=["night"])
    tell(jurisdiction, "theft", n=3, factors=["night"], is_allegation=True)
    page = priors_page(user=operator)
    assert (page.events, page.left_out, page.rulings, page.all_rulings) == (2, 3, 2, 5)
    assert cell(page, "theft", "night").events == 2


def test_corrections_by_people_count(jurisdiction, analyst):
    (ruling,) = tell(jurisdiction, "theft", factors=["night", "running"])
    assert ruling_priors(jurisdiction=jurisdiction).counts.sum() == 2
    services.remove_fact(user=analyst, fact_id=ruling.facts.get(value="night").pk)
    services.correct_fact(user=analyst, fact_id=ruling.facts.get(field="category").pk, value="robbery")
    priors = ruling_priors(jurisdiction=jurisdiction)
    assert priors.events[priors.categories.index("robbery")] == 1
    assert priors.counts[priors.categories.index("robbery"), priors.factors.index("running")] == 1
    assert priors.counts.sum() == 1
    assert priors.place_hour.sum(axis=(1, 2)) == pytest.approx(1)


def test_the_rulings_of_another_jurisdiction_say_nothing_here(jurisdiction, other_jurisdiction, operator, client):
    tell(other_jurisdiction, "theft", factors=["night"])
    assert ruling_priors(jurisdiction=jurisdiction).events.sum() == 0
    client.force_login(operator)
    assert "No ruling says anything yet" in client.get("/risk-factors/").content.decode()


def test_codes_and_fields_that_are_no_longer_known_count_in_nothing(jurisdiction, operator):
    make_ruling(jurisdiction, [(0, "category", "piracy", ""), (0, "sails", "3", ""), (0, "risk_factor", "parrot", "")])
    assert priors_page(user=operator).events == 0


def test_rulings_are_judged_by_what_they_tell_and_not_by_gaps_between_their_months(jurisdiction, tmp_path):
    path = write_rulings(tmp_path / "rulings.jsonl", ROBBERY, ACQUITTAL)
    upload = open_file(jurisdiction=jurisdiction, path=path)
    quality = quality_of(commit_file(upload=upload, path=path))
    assert {part.name for part in quality.parts} == {"accepted", "located", "timed"}
    assert quality.gaps == []
    assert next(part.label for part in quality.parts if part.name == "located") == "Area named"
