"""Clips, folders of images and the tracks beside them."""

import random

import cv2
import numpy as np
import pytest

from cctv.sources import Options, Reach, SourceError, State, open_source, read_address
from tests.clips import street, write_clip

QUICK = Options(fps=5, realtime=False, start=1000.0)


def frames_of(folder, name, options=QUICK):
    source = open_source(read_address(name), reach=Reach.of([], folder), options=options)
    return source, list(source)


def refused(folder, name, options=QUICK):
    with pytest.raises(SourceError) as caught:
        frames_of(folder, name, options)
    return caught.value


def test_a_clip_gives_its_pictures_within_the_budget(tmp_path):
    write_clip(tmp_path / "walk.mp4", seconds=4, fps=10)
    source, frames = frames_of(tmp_path, "walk.mp4")
    assert len(frames) == 20
    assert frames[0].picture.shape == (240, 320, 3)
    assert [frame.at for frame in frames] == pytest.approx([1000 + n * 0.2 for n in range(20)], abs=0.01)
    assert [frame.number for frame in frames[:3]] == [0, 2, 4]
    assert (source.status.frames, source.status.skipped, source.status.state) == (40, 20, State.OFF)
    # What was drawn is what comes out: the wall at the top, the ground below.
    assert frames[0].picture[10, 300] == pytest.approx(street()[10, 300], abs=6)


def test_where_the_budget_is_lower_than_the_key_frames_only_those_are_decoded(tmp_path):
    write_clip(tmp_path / "walk.mp4", seconds=12, fps=10, key_every=5)
    source, frames = frames_of(tmp_path, "walk.mp4", Options(fps=1, realtime=False))
    assert source.status.keys_only
    assert len(frames) == pytest.approx(12, abs=1)
    gaps = np.diff([frame.at for frame in frames])
    assert gaps == pytest.approx(np.ones(len(gaps)), abs=0.11)


def test_tall_pictures_are_scaled_down(tmp_path):
    write_clip(tmp_path / "tall.mp4", seconds=0.5, size=(640, 480))
    _, frames = frames_of(tmp_path, "tall.mp4", Options(fps=5, realtime=False, height=240))
    assert frames[0].picture.shape == (240, 320, 3)


def test_a_clip_that_loops_begins_again(tmp_path):
    write_clip(tmp_path / "short.mp4", seconds=0.4, fps=10)
    source = open_source(read_address("short.mp4"), reach=Reach.of([], tmp_path), options=Options(fps=10, loop=True))
    numbers = []
    for frame in source:
        numbers.append(frame.number)
        if len(numbers) == 7:
            source.close()
    assert numbers[:6] == [0, 1, 2, 3, 0, 1]


def test_what_is_no_clip_is_said_and_nothing_else_is_opened(tmp_path):
    (tmp_path / "notes.mp4").write_text("hello")
    (tmp_path / "empty.mp4").write_bytes(b"")
    playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:1/a.ts\n"
    (tmp_path / "list.m3u8").write_text(playlist)
    for name in ("notes.mp4", "empty.mp4", "list.m3u8"):
        assert refused(tmp_path, name).code == "no_pictures"


def test_a_damaged_clip_gives_what_can_be_read(tmp_path):
    whole = write_clip(tmp_path / "whole.avi", seconds=4, fps=10).read_bytes()
    rng = random.Random(3)
    damaged = bytearray(whole)
    for _ in range(40):
        damaged[rng.randrange(len(whole) // 3, 2 * len(whole) // 3)] ^= 0xFF
    (tmp_path / "damaged.avi").write_bytes(damaged)
    (tmp_path / "cut.avi").write_bytes(whole[: len(whole) // 2])
    for name in ("damaged.avi", "cut.avi"):
        _, frames = frames_of(tmp_path, name)
        assert 2 <= len(frames) <= 20


def test_a_bare_stream_of_pictures_without_times_plays_at_its_usual_speed(tmp_path):
    write_clip(tmp_path / "bare.h264", seconds=2, fps=10)
    _, frames = frames_of(tmp_path, "bare.h264")
    gaps = np.diff([frame.at for frame in frames])
    assert 0.05 < gaps.min() <= gaps.max() < 0.5


def test_noise_in_place_of_pictures_ends_with_a_sentence(tmp_path):
    (tmp_path / "noise.h264").write_bytes(random.Random(1).randbytes(200_000))
    assert refused(tmp_path, "noise.h264").code in {"corrupt", "no_pictures"}


def test_a_folder_of_images_is_shown_in_the_order_of_its_numbers(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in (1, 2, 10):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((20, 30, 3), number * 10, np.uint8))
    (folder / "3.jpg").write_bytes(b"broken")
    (folder / "notes.txt").write_text("no image")
    source, frames = frames_of(tmp_path, "frames/", Options(fps=5, image_fps=5, realtime=False))
    assert [int(frame.picture[0, 0, 0]) for frame in frames] == [10, 20, 100]
    assert source.status.broken == 1
    (tmp_path / "none").mkdir()
    assert refused(tmp_path, "none/").code == "no_pictures"


# --- Tracks -----------------------------------------------------------------------------------------
GPX = """<?xml version="1.0"?><gpx xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>
<trkpt lat="37.50" lon="127.00"><time>2026-05-01T03:00:00Z</time></trkpt>
<trkpt lat="37.51" lon="127.02"><time>2026-05-01T03:00:10Z</time></trkpt></trkseg></trk></gpx>"""
SRT = """1
00:00:00,000 --> 00:00:01,000
[iso: 100] [latitude: 37.50] [longitude: 127.00] [rel_alt: 1.2]

2
00:00:10,000 --> 00:00:11,000
[iso: 100] [latitude: 37.51] [longitude: 127.02]
"""
OLD_SRT = "1\n00:00:00,000 --> 00:00:01,000\nGPS(127.00,37.50,18)\n\n2\n00:00:10,000 --> 00:00:11,000\nGPS(127.02,37.51,18)\n"


def rmc(clock, lat, lon):
    """An RMC sentence with its check sum."""
    body = f"GPRMC,{clock},A,{lat},N,{lon},E,0.0,0.0,010526,,,A"
    total = 0
    for byte in body.encode():
        total ^= byte
    return f"${body}*{total:02X}\n"


DAMAGED = "$GPRMC,030005.00,A,9999.0000,N,12700.0000,E,0.0,0.0,010526,,,A*00\n"
NMEA = rmc("030000.00", "3730.0000", "12700.0000") + DAMAGED + rmc("030010.00", "3730.6000", "12701.2000")
CSV = "time,latitude,longitude\n0,37.50,127.00\n10,37.51,127.02\n"


@pytest.mark.parametrize(("suffix", "text"), [("gpx", GPX), ("SRT", SRT), ("srt", OLD_SRT), ("nmea", NMEA), ("csv", CSV)])
def test_a_moving_camera_is_placed_by_the_track_beside_its_clip(tmp_path, suffix, text):
    write_clip(tmp_path / "flight.mp4", seconds=1)
    (tmp_path / f"flight.{suffix}").write_text(text)
    source, frames = frames_of(tmp_path, "flight.mp4", Options(fps=5, realtime=False))
    begin = frames[0].at
    assert source.position(begin) == pytest.approx((127.0, 37.5))
    assert source.position(begin + 5) == pytest.approx((127.01, 37.505), abs=1e-6)
    assert source.position(begin + 100) is None
    if suffix in ("gpx", "nmea"):
        assert begin == 1777604400.0  # 2026-05-01 03:00 UTC: the track dates the clip


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.gpx", "<gpx>"),
        ("a.gpx", '<!DOCTYPE x [<!ENTITY a "b">]><gpx/>'),
        ("a.gpx", "<gpx></gpx>"),
        ("a.csv", "when,where\n1,2\n"),
        ("a.csv", "time,lat,lon\n0,north,127\n"),
        ("a.srt", "1\n00:00:00,000 --> 00:00:01,000\nhello\n"),
        ("a.nmea", "$GPGGA,1,2\n"),
    ],
)
def test_a_track_that_cannot_be_read_is_said(tmp_path, name, text):
    write_clip(tmp_path / "a.mp4", seconds=0.2)
    (tmp_path / name).write_text(text)
    error = refused(tmp_path, "a.mp4")
    assert error.code == "track_unreadable"
    assert name in error.sentence
