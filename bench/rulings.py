"""How fast and how well court rulings are read: F1 against labels made by reading, rulings a second, peak memory.

    ./run bench rulings [--quick]

Reads ../shared/data/kr-court-rulings: 22 labelled events with whole dates, 60 rulings labelled for category, time of day, kind of
place and risk factors (half of them kept unseen while the rules were written), and all 6,971 rulings for speed.
"""

import argparse
import gzip
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bench._report import finish, peak_rss_mb, print_table
from bench._shared_data import shared_data
from ingestion.readers.table import Limits
from ingestion.rulings import Document, Extraction, extract, prior_tables, read_documents

ROOT = Path(__file__).resolve().parents[1]
SHARED = shared_data() / "kr-court-rulings"
GOLD = ROOT / "tests" / "real" / "rulings_gold.json"
EVENT_FIELDS = ("date", "time", "sido", "sigungu", "dong", "offence")
SET_FIELDS = ("category", "time_band", "place_kind", "risk_factor")
FILES = ("criminal_street_offences.jsonl.gz", "criminal_other.jsonl.gz")
LIMITS = Limits(max_content_bytes=1_000_000_000)
QUICK_RULINGS = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"the first {QUICK_RULINGS} rulings of each file only")
    quick = parser.parse_args().quick
    if not SHARED.exists():
        raise SystemExit(f"{SHARED} is absent: nothing to measure on")
    events, halves = score_events(), score_halves()
    show("22 labelled events with whole dates", events)
    for half, counts in halves.items():
        show(f"30 rulings, {half} half", counts)
    speed = measure(quick)
    print_table("Speed", ("rulings", "events", "seconds", "rulings/s", "peak MB"), [tuple(speed.values())])
    finish({"events": f1s(events), **{half: f1s(counts) for half, counts in halves.items()}, **speed})


def read(path: Path) -> Iterator[Document]:
    yield from read_documents(path, file_name=path.name, limits=LIMITS, on_bad=lambda _: None)


def score_events() -> dict[str, Counter[str]]:
    """Each event against the label with its number in the ruling."""
    path = SHARED / "facts_full_date.jsonl"
    labels = [json.loads(line)["gold_events"] for line in path.read_text(encoding="utf-8").splitlines()]
    counts: dict[str, Counter[str]] = {name: Counter() for name in EVENT_FIELDS}
    for gold, document in zip(labels, read(path), strict=True):
        found = extract(document).events
        for number in range(max(len(gold), len(found))):
            for name in EVENT_FIELDS:
                wanted = gold[number].get(name) if number < len(gold) else None
                got = found[number].value(name) if number < len(found) else None
                count(counts[name], {wanted} - {None}, {got} - {None})
    return counts


def score_halves() -> dict[str, dict[str, Counter[str]]]:
    """Each ruling's set of values against the labelled set; events of other offences than the nine categories left out."""
    gold = {one["id"]: one for one in json.loads(GOLD.read_text(encoding="utf-8"))["rulings"]}
    counts = {half: {name: Counter[str]() for name in SET_FIELDS} for half in ("development", "unseen")}
    for ruling, extraction in labelled(gold):
        for name in SET_FIELDS:
            wanted = {label[1] for label in ruling["labels"] if label[0] == name}
            count(counts[ruling["half"]][name], wanted, said(extraction, name))
    return counts


def labelled(gold: Mapping[str, Any]) -> Iterator[tuple[Any, Extraction]]:
    """The labelled rulings with what is read out of them."""
    for ruling, document in labelled_documents(gold):
        yield ruling, extract(document)


def labelled_documents(gold: Mapping[str, Any]) -> Iterator[tuple[Any, Document]]:
    """The labelled rulings of the file as they are read."""
    with gzip.open(SHARED / FILES[0], "rt", encoding="utf-8") as source:
        lines = {number: json.loads(line)["id"] for number, line in enumerate(source, 1)}
    for document in read(SHARED / FILES[0]):
        if lines[document.line] in gold:
            yield gold[lines[document.line]], document


def said(extraction: Extraction, name: str) -> set[str]:
    """All values of a field over the events of the nine categories."""
    return {value for event in extraction.events if event.value("category") != "other" for value in event.values(name)}


def count(counter: Counter[str], wanted: set[Any], got: set[Any]) -> None:
    counter["right"] += len(wanted & got)
    counter["wrong"] += len(got - wanted)
    counter["missed"] += len(wanted - got)


def f1(counter: Counter[str]) -> float:
    return 2 * counter["right"] / max(1, 2 * counter["right"] + counter["wrong"] + counter["missed"])


def f1s(counts: Mapping[str, Counter[str]]) -> dict[str, float]:
    return {name: round(f1(counter), 3) for name, counter in counts.items()}


def show(title: str, counts: Mapping[str, Counter[str]]) -> None:
    rows = [(name, c["right"], c["wrong"], c["missed"], f1(c)) for name, c in counts.items()]
    print_table(title, ("field", "right", "wrong", "missed", "F1"), rows)


def measure(quick: bool) -> dict[str, float]:
    """All rulings through reading, masking and extraction, one process; the priors at the end."""
    begin = time.perf_counter()
    rulings = events = 0

    def facts() -> Iterator[Any]:
        nonlocal rulings, events
        for document in every(quick):
            rulings += 1
            for event in extract(document).events:
                events += 1
                yield event.facts

    prior_tables(facts())
    seconds = time.perf_counter() - begin
    return {"rulings": rulings, "found": events, "seconds": seconds, "rulings_per_s": rulings / seconds, "peak_mb": peak_rss_mb()}


def every(quick: bool) -> Iterable[Document]:
    for name in FILES:
        if not quick:
            yield from read(SHARED / name)
            continue
        with tempfile.TemporaryDirectory(prefix="haechi-bench-") as folder:
            yield from read(head(SHARED / name, Path(folder)))


def head(path: Path, folder: Path) -> Path:
    target = folder / "head.jsonl"
    with gzip.open(path, "rt", encoding="utf-8") as source, target.open("w", encoding="utf-8") as out:
        for _, line in zip(range(QUICK_RULINGS), source, strict=False):
            out.write(line)
    return target


if __name__ == "__main__":
    main()
