"""Train the part of the rulings reader that tells charges from arguments, and judge it by leaving rulings out.

    python -m bench.rulings_train [--write]

A logistic regression over the morphemes of sentences (`ingestion/rulings/telling.py`), fitted by L-BFGS from zero, so that the
same labels give the same weights. Labels: the development half of `tests/real/rulings_gold.json` (a sentence with a labelled
span tells a deed; another sentence near one, outside facts and charges, does not) and the sentences of
`tests/real/rulings_sentences.json`, labelled one by one. The unseen half is never read. Each ruling is judged by a model and a
threshold that do not know it: the thirty one by one, the others in ten folds. `--write` fits on all and writes
`ingestion/rulings/telling.json`.
"""

import argparse
import gzip
import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize

from bench import rulings as bench
from bench._report import print_table
from ingestion.rulings import Document, SectionKind, extract
from ingestion.rulings.offences import DEED
from ingestion.rulings.sections import split_sections
from ingestion.rulings.telling import Model, features, sentences

SENTENCES = bench.GOLD.with_name("rulings_sentences.json")
WEIGHTS = bench.ROOT / "ingestion" / "rulings" / "telling.json"
THRESHOLDS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
FOLDS = 10
MIN_RULINGS = 8  # a feature counts when so many rulings have it: no word of a single case gets a weight
L2 = 5.0
NEAR = 1500  # characters: what was read round a labelled span of a long ruling
NOT_READ = (SectionKind.HEAD, SectionKind.ISSUES, SectionKind.ORDER, SectionKind.LAW)
TOLD = (SectionKind.FACTS, SectionKind.CHARGE)
ABOUT = "log-linear weights of morphemes (form/tag; ^ among the last of the sentence), of its shape (#) and its section (@)"
Counts = dict[str, Counter[str]]

features_once = cache(features)


@dataclass(frozen=True)
class Row:
    """One labelled sentence: its ruling, what the model sees of it, and whether it tells a charged deed."""

    ruling: str
    seen: frozenset[str]
    tells: bool


@dataclass(frozen=True)
class Labels:
    """The rulings as they are read, what is labelled in the thirty of the development half, and sentences of the others."""

    documents: Mapping[str, Document]
    thirty: Mapping[str, Any]
    others: Mapping[str, list[list[int]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {WEIGHTS.name}, fitted on all labels")
    is_write = parser.parse_args().write
    labels = load()
    rows = labelled(labels)
    print(f"{len(rows)} sentences of {len(labels.documents)} rulings, {sum(row.tells for row in rows)} tell a charged deed")
    best = judge_by_leaving_out(labels, rows)
    if is_write:
        model = fit(rows, best)
        said = {"about": ABOUT, "bias": model.bias, "threshold": best, "weights": model.weights}
        WEIGHTS.write_text(json.dumps(said, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        print(f"{len(model.weights)} weights, threshold {best}: {WEIGHTS}")


# --- labels ------------------------------------------------------------------------------------------------------------
def load() -> Labels:
    """The labelled rulings without the unseen half."""
    gold = json.loads(bench.GOLD.read_text(encoding="utf-8"))["rulings"]
    thirty = {one["id"]: one for one in gold if one["half"] == "development"}
    others = {one["id"]: one["sentences"] for one in json.loads(SENTENCES.read_text(encoding="utf-8"))["rulings"]}
    wanted = {*thirty, *others} - {one["id"] for one in gold if one["half"] != "development"}
    ids: list[str] = []
    with tempfile.TemporaryDirectory(prefix="haechi-bench-") as folder:
        target = Path(folder) / "labelled.jsonl"
        with (
            gzip.open(bench.SHARED / bench.FILES[0], "rt", encoding="utf-8") as source,
            target.open("w", encoding="utf-8") as out,
        ):
            for line in source:
                if (name := json.loads(line)["id"]) in wanted:
                    ids.append(name)
                    out.write(line)
        documents = {ids[document.line - 1]: document for document in bench.read(target)}
    return Labels(documents, thirty, others)


def labelled(labels: Labels) -> list[Row]:
    """Every labelled sentence, in the order of the labels."""
    rows: list[Row] = []
    for name, found in labels.others.items():
        text, kinds = labels.documents[name].text, split_sections(labels.documents[name].text)
        for start, end, tells in found:
            kind = next(one.kind for one in kinds if one.start <= start < one.end)
            rows.append(Row(name, features_once(text[start:end], kind), bool(tells)))
    for name, ruling in labels.thirty.items():
        rows += _of_spans(name, labels.documents[name].text, [label[2] for label in ruling["labels"]])
    return rows


def _of_spans(name: str, text: str, starts: Sequence[int]) -> Iterable[Row]:
    """The sentences of a ruling whose facts are labelled by spans, which begin at `starts`."""
    for section in split_sections(text):
        if section.kind in NOT_READ:
            continue
        for start, end in sentences(text, section.start, section.end):
            tells = any(start <= at < end for at in starts)
            is_read = any(abs(start - at) < NEAR for at in starts)
            if tells or (is_read and section.kind not in TOLD and _may_tell(text[start:end])):
                yield Row(name, features_once(text[start:end], section.kind), tells)


def _may_tell(sentence: str) -> bool:
    seen = features_once(sentence, SectionKind.JUDGEMENT)
    return DEED.search(sentence) is not None or "#date" in seen or "#clock" in seen


# --- fitting -----------------------------------------------------------------------------------------------------------
def fit(rows: Sequence[Row], threshold: float = 0.0) -> Model:
    """Logistic regression with an L2 penalty on all weights but the bias."""
    rulings: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        for one in row.seen:
            rulings[one].add(row.ruling)
    names = sorted(one for one, seen in rulings.items() if len(seen) >= MIN_RULINGS)
    column = {name: number for number, name in enumerate(names)}
    matrix = np.zeros((len(rows), len(names) + 1))
    matrix[:, -1] = 1.0
    for number, row in enumerate(rows):
        matrix[number, [column[one] for one in sorted(row.seen) if one in column]] = 1.0
    sign = np.array([1.0 if row.tells else -1.0 for row in rows])

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        margin = sign * (matrix @ weights)
        slope = matrix.T @ (-sign * np.exp(-np.logaddexp(0.0, margin)))
        free = np.append(weights[:-1], 0.0)
        return float(np.logaddexp(0.0, -margin).sum() + L2 / 2 * (free @ free)), slope + L2 * free

    weights = minimize(loss, np.zeros(len(names) + 1), jac=True, method="L-BFGS-B", options={"maxiter": 500}).x
    rounded = [round(float(one), 3) for one in weights]
    return Model({name: one for name, one in zip(names, rounded[:-1], strict=True) if one}, rounded[-1], threshold)


# --- judging -----------------------------------------------------------------------------------------------------------
def judge_by_leaving_out(labels: Labels, rows: Sequence[Row]) -> float:
    """F1 of rules alone and with the model, every ruling by a model and a threshold that do not know it.

    Gives the threshold that is best over all of them.
    """
    others = list(labels.others)
    folds = [[name] for name in labels.thirty] + [others[number::FOLDS] for number in range(FOLDS)]
    scored = {name: scores for fold in folds for name, scores in _scored(labels, rows, fold).items()}
    chosen = {name: _best(one for other, one in scored.items() if other not in fold) for fold in folds for name in fold}
    for title, names in (("30 rulings of the development half", list(labels.thirty)), (f"{len(others)} further rulings", others)):
        alone = _sum(scored[name][0.0] for name in names)
        with_model = _sum(scored[name][chosen[name]] for name in names)
        print_table(
            title,
            ("field", "rules", "with the model", "wrong", "wrong with", "missed", "missed with"),
            [
                (field, bench.f1(a), bench.f1(b), a["wrong"], b["wrong"], a["missed"], b["missed"])
                for field, a, b in ((field, alone[field], with_model[field]) for field in alone)
            ],
        )
    print("thresholds chosen:", dict(Counter(chosen.values())))
    return _best(scored.values())


def _scored(labels: Labels, rows: Sequence[Row], fold: Sequence[str]) -> dict[str, dict[float, Counts]]:
    """Each ruling of a fold at each threshold, by a model fitted on the other folds."""
    model = fit([row for row in rows if row.ruling not in fold])

    def weigh(sentence: str, kind: SectionKind) -> float:
        return model.probability(features_once(sentence, kind))

    out: dict[str, dict[float, Counts]] = {}
    for name in fold:
        document = labels.documents[name]
        wanted = _wanted(labels, name)
        out[name] = {}
        for threshold in THRESHOLDS:
            found = extract(document, weigh=weigh, threshold=threshold)
            counts: Counts = {field: Counter() for field in bench.SET_FIELDS}
            for field, counter in counts.items():
                bench.count(counter, wanted[field], bench.said(found, field))
            out[name][threshold] = counts
    return out


def _wanted(labels: Labels, name: str) -> dict[str, set[str]]:
    """The right values of each field. Of the further rulings: what the rules read out of sentences that tell a deed, or that
    were not labelled (case name, law); what the rules miss there is not known."""
    if name in labels.thirty:
        return {field: {one[1] for one in labels.thirty[name]["labels"] if one[0] == field} for field in bench.SET_FIELDS}
    untold = [(start, end) for start, end, tells in labels.others[name] if not tells]
    right: dict[str, set[str]] = {field: set() for field in bench.SET_FIELDS}
    for event in extract(labels.documents[name], threshold=0.0).events:
        for fact in event.facts if event.value("category") != "other" else ():
            if fact.field in right and not any(start <= fact.start < end for start, end in untold):
                right[fact.field].add(fact.value)
    return right


def _sum(every: Iterable[Counts]) -> Counts:
    total: Counts = {field: Counter() for field in bench.SET_FIELDS}
    for counts in every:
        for field, counter in counts.items():
            total[field].update(counter)
    return total


def _best(every: Iterable[Mapping[float, Counts]]) -> float:
    """The threshold with the best F1 over all fields, the lowest of equals."""
    scores = list(every)

    def of(threshold: float) -> float:
        total: Counter[str] = Counter()
        for counter in _sum(one[threshold] for one in scores).values():
            total.update(counter)
        return bench.f1(total)

    return max(THRESHOLDS, key=lambda threshold: (of(threshold), -threshold))


if __name__ == "__main__":
    main()
