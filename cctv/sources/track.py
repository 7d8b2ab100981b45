"""Where a moving camera was: the track that a drone or dash-cam writes beside its clip.

Read are GPX, NMEA (RMC sentences), the subtitles of DJI drones (SRT) and CSV (time, latitude, longitude). Times are either UTC
or seconds since the clip began.
"""

import csv
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from cctv.sources.errors import SourceError

LARGEST_BYTES = 32 * 1024**2
LONGEST_GAP_S = 30.0  # between two fixes farther apart nobody knows where the camera was
KNOT_DATE = "%d%m%y%H%M%S"

Point = tuple[float, float, float]  # time in seconds, longitude, latitude


@dataclass(frozen=True, eq=False)
class Track:
    """seconds: Float64[points] ascending; lon, lat: Float64[points]. `begins_at`: epoch seconds of the first point where the
    track tells UTC, None where it counts from the start of the clip.
    """

    seconds: npt.NDArray[np.float64]
    lon: npt.NDArray[np.float64]
    lat: npt.NDArray[np.float64]
    begins_at: float | None

    def at(self, clip_s: float, *, recorded_at: float | None = None) -> tuple[float, float] | None:
        """Position this long after the clip began; `recorded_at`: epoch seconds when it began, where known.

        None outside the track and in gaps of more than half a minute.
        """
        if self.begins_at is not None:
            clip_s += (recorded_at or self.begins_at) - self.begins_at
        index = int(np.searchsorted(self.seconds, clip_s))
        low, high = max(index - 1, 0), min(index, len(self.seconds) - 1)
        if abs(clip_s - self.seconds[low]) > LONGEST_GAP_S or abs(self.seconds[high] - clip_s) > LONGEST_GAP_S:
            return None
        return float(np.interp(clip_s, self.seconds, self.lon)), float(np.interp(clip_s, self.seconds, self.lat))


def track_beside(clip: Path) -> Track | None:
    """The track of the same name beside a clip; None where there is none. Raises `SourceError` for one that cannot be read."""
    for suffix in READERS:
        for path in (clip.with_suffix(suffix), clip.with_suffix(suffix.upper())):
            if path.is_file() and path != clip:
                return read_track(path)
    return None


def read_track(path: Path) -> Track:
    """A track file by its suffix. Raises `SourceError` (track_unreadable) with what is wrong."""
    read = READERS.get(path.suffix.lower())
    try:
        if read is None or path.stat().st_size > LARGEST_BYTES:
            raise ValueError("it is no GPX, NMEA, SRT or CSV file of at most 32 MiB")
        is_utc, points = read(path.read_text(encoding="utf-8-sig"))
    except (ValueError, KeyError, OSError, ElementTree.ParseError, csv.Error) as error:
        why = str(error) if type(error) is ValueError else "its form is not the expected one"
        raise _unreadable(path, why) from error
    fit = sorted({point[0]: point for point in points if _is_place(point)}.values())
    if not fit:
        raise _unreadable(path, "it holds no position")
    values = np.array(fit, np.float64)
    begins_at = float(values[0, 0]) if is_utc else None
    return Track(values[:, 0] - (begins_at or 0.0), values[:, 1], values[:, 2], begins_at)


def _is_place(point: Point) -> bool:
    return math.isfinite(point[0]) and abs(point[1]) <= 180 and abs(point[2]) <= 90


# --- Forms ------------------------------------------------------------------------------------------
def _gpx(text: str) -> tuple[bool, list[Point]]:
    if "<!" in text.replace("<!--", ""):
        raise ValueError("it declares a document type, which a track does not need")
    root = ElementTree.fromstring(text)  # noqa: S314 - no declarations, so no entities to expand
    points = []
    for element in root.iter():
        if element.tag.rpartition("}")[2] == "trkpt":
            time = next((child.text for child in element if child.tag.rpartition("}")[2] == "time"), None)
            if time:
                points.append((_epoch(time), float(element.attrib["lon"]), float(element.attrib["lat"])))
    return True, points


def _nmea(text: str) -> tuple[bool, list[Point]]:
    return True, list(_sentences(text))


def _sentences(text: str) -> Iterator[Point]:
    for line in text.splitlines():
        body, _, check = line.strip().partition("*")
        words = body.split(",")
        if len(words) < 10 or not re.fullmatch(r"\$G[A-Z]RMC", words[0]) or words[2] != "A":
            continue
        total = 0
        for byte in body[1:].encode():
            total ^= byte
        if check and int(check[:2], 16) != total:
            continue  # a damaged line
        moment = datetime.strptime(words[9] + words[1][:6], KNOT_DATE).replace(tzinfo=UTC)
        lat, lon = _degrees(words[3], words[4]), _degrees(words[5], words[6])
        yield moment.timestamp() + float("0" + words[1][6:] if words[1][6:] else 0), lon, lat


def _degrees(text: str, side: str) -> float:
    """ddmm.mmmm with N, S, E or W."""
    whole, minutes = divmod(float(text), 100)
    return (whole + minutes / 60) * (-1 if side in "SW" else 1)


_CUE = re.compile(r"(\d+):(\d\d):(\d\d)[,.](\d{1,3})\s*-->")
_DJI = re.compile(r"\[latitude\s*:\s*(-?[\d.]+)\].*?\[long?t?itude\s*:\s*(-?[\d.]+)\]", re.IGNORECASE | re.DOTALL)
_DJI_OLD = re.compile(r"GPS\s*\(\s*(-?[\d.]+)\s*,\s*(-?[\d.]+)")  # longitude first


def _srt(text: str) -> tuple[bool, list[Point]]:
    points = []
    cues = list(_CUE.finditer(text))
    ends = [cue.start() for cue in cues[1:]] + [len(text)]
    for cue, end in zip(cues, ends, strict=True):
        hours, minutes, seconds, fraction = cue.groups()
        clip_s = int(hours) * 3600 + int(minutes) * 60 + int(seconds) + int(fraction.ljust(3, "0")) / 1000
        body = text[cue.end() : end]
        if found := _DJI.search(body):
            points.append((clip_s, float(found[2]), float(found[1])))
        elif found := _DJI_OLD.search(body):
            points.append((clip_s, float(found[1]), float(found[2])))
    return False, points


def _csv(text: str) -> tuple[bool, list[Point]]:
    rows = csv.DictReader(text.splitlines(keepends=True))
    columns = {(name or "").strip().lower(): name for name in rows.fieldnames or ()}
    time = next((columns[name] for name in ("time", "utc", "timestamp", "seconds", "s") if name in columns), None)
    lat = next((columns[name] for name in ("latitude", "lat") if name in columns), None)
    lon = next((columns[name] for name in ("longitude", "lon", "lng") if name in columns), None)
    if time is None or lat is None or lon is None:
        raise ValueError("it needs the columns time, latitude and longitude")
    read = [(row[time].strip(), float(row[lon]), float(row[lat])) for row in rows]
    is_utc = any(re.search(r"\d-\d", moment) for moment, _, _ in read)
    return is_utc, [(_epoch(moment) if is_utc else float(moment), east, north) for moment, east, north in read]


def _epoch(text: str) -> float:
    moment = datetime.fromisoformat(text.strip())
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _unreadable(path: Path, why: str) -> SourceError:
    return SourceError("track_unreadable", f"The track {path.name} cannot be read: {why}.", name=path.name, why=why)


READERS: dict[str, Callable[[str], tuple[bool, list[Point]]]] = {".gpx": _gpx, ".nmea": _nmea, ".srt": _srt, ".csv": _csv}
