"""Invented rulings for tests: no person, case or place in them is real."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from django.utils import timezone

from webapp.accounts.models import Jurisdiction
from webapp.crimes.models import Ruling, RulingFact
from webapp.imports.models import Upload

ROBBERY = {
    "id": "invented-1",
    "court": "시험지방법원",
    "decided_on": "2019-06-21",
    "case_no": "2019고합101",
    "case_name": "강도상해",
    "order": ["피고인을 징역 3년에 처한다."],
    "reasons": [
        "범죄사실",
        (
            "피고인은 2019. 3. 15. 23:40경 서울 서초구 방배동에 있는 골목길에서 혼자 걸어가던 피해자 A를 뒤따라가 "
            "흉기인 과도를 들이대며 위협하여 반항을 억압한 다음 가방을 빼앗아 강취하고 도주하였다."
        ),
        "증거의 요지",
        "1. 증인 A의 법정진술",
        "법령의 적용",
        "형법 제333조",
    ],
}
ACQUITTAL = {
    "id": "invented-2",
    "court": "시험지방법원",
    "decided_on": "2020-02-03",
    "case_no": "2019고단202",
    "case_name": "폭행",
    "order": ["피고인은 무죄."],
    "reasons": [
        "1. 공소사실의 요지",
        "피고인은 2019. 8. 1. 02:10경 서울 서초구 서초동에 있는 주점에서 피해자의 멱살을 잡아 폭행하였다.",
        "2. 판단",
        "검사가 제출한 증거만으로는 공소사실을 인정하기 부족하다.",
        "3. 결론",
        "범죄의 증명이 없는 경우에 해당하므로 무죄를 선고한다.",
    ],
}
BODILESS = {"id": "invented-3", "court": "시험지방법원", "case_no": "2018도303", "case_name": "절도", "reasons": [], "order": []}


def write_rulings(path: Path, *records: dict[str, Any]) -> Path:
    """A file of JSON lines."""
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    return path


TEXT = "【범죄사실】\n피고인은 밤늦게 골목길에서 칼을 들고 피해자를 뒤따라갔다 😀 <script>alert(1)</script> & 도주하였다."


def make_upload(jurisdiction: Jurisdiction, *, kind: str = "rulings", rows: int = 1, name: str = "판결문.jsonl") -> Upload:
    """A committed upload of rulings or figures without its file."""
    upload: Upload = Upload.objects.create(
        jurisdiction=jurisdiction,
        file_name=name,
        sha256=f"{Upload.objects.count():064x}",
        size_bytes=1,
        kind=kind,
        preset="x",
        state=Upload.State.COMMITTED,
        rows_read=rows,
        rows_accepted=rows,
        committed_at=timezone.now(),
    )
    return upload


def make_ruling(
    jurisdiction: Jurisdiction, facts: list[tuple[int, str, str, str]] | None = None, *, text: str = TEXT, **changes: Any
) -> Ruling:
    """A ruling with facts as (event, field, value, words of the text; blank for none)."""
    number = Ruling.objects.count() + 1
    alleged = changes.pop("is_allegation", False)
    values: dict[str, Any] = {
        "source_id": f"시험지방법원 2020고합{number}",
        "court": "시험지방법원",
        "case_no": f"2020고합{number}",
        "case_name": "특수강도",
        "decided_on": date(2020, 5, number % 28 + 1),
        "verdict": Ruling.Verdict.GUILTY,
        "sections": [["facts", 0, len(text)]],
    }
    upload = changes.pop("upload", None) or make_upload(jurisdiction)
    ruling: Ruling = Ruling.objects.create(jurisdiction=jurisdiction, upload=upload, text=text, **(values | changes))
    if facts is None:
        facts = [
            (0, "category", "robbery", ""),
            (0, "place_kind", "alley", "골목길"),
            (0, "weapon", "knife", "칼"),
            (0, "risk_factor", "weapon", "칼을 들고"),
            (0, "risk_factor", "following", "뒤따라"),
            (0, "risk_factor", "running", "도주"),
            (0, "time", "23:40", "밤늦게"),
        ]
    for event, field, value, words in facts:
        start = text.index(words) if words else None
        RulingFact.objects.create(
            jurisdiction=jurisdiction,
            ruling=ruling,
            event=event,
            field=field,
            value=value,
            start=start,
            end=start + len(words) if start is not None else None,
            is_allegation=alleged,
        )
    return ruling
