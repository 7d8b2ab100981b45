"""Live streams from a real RTSP server on loopback, and from servers that misbehave."""

import itertools
import socket
import threading
import time
from contextlib import contextmanager

import av
import numpy as np
import pytest

from cctv.sources import Options, Reach, SourceError, State, read_address
from cctv.sources import playing as playing_module
from tests.clips import write_clip
from tests.rtsp import rtsp_server
from tests.streaming import frames_of, reading, state_of


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clips") / "walk.mp4", seconds=20, fps=10)


@pytest.fixture(scope="module")
def server(clip):
    with rtsp_server({"/gate": clip, "/yard": clip}) as running:
        yield running


@pytest.fixture
def short_waits(monkeypatch):
    monkeypatch.setattr(playing_module, "FIRST_WAIT_S", 0.2)
    monkeypatch.setattr(playing_module, "LONGEST_WAIT_S", 0.5)


def test_an_rtsp_stream_gives_pictures_dated_now(server):
    with reading(server.url("/gate")) as latest:
        frames = frames_of(latest, 6)
        status = latest.source.status
        assert len(frames) == 6
        assert frames[0].picture.shape == (240, 320, 3)
        assert abs(frames[-1].at - time.time()) < 2
        assert all(after.at > before.at for before, after in itertools.pairwise(frames))
        assert (status.state, status.size, status.connects) == (State.OK, (320, 240), 1)
        assert status.skipped > 0
    assert latest.source.status.state is State.OFF


def test_pictures_are_whole_where_the_server_cuts_them_up_by_parameter_sets(server, clip):
    """GStreamer sends parameter sets before each slice of a key frame: read one by one, every picture would be half smeared."""
    whole = [frame.to_ndarray(format="bgr24").astype(int) for frame in av.open(str(clip)).decode(video=0)]
    with reading(server.url("/gate"), options=Options(fps=10, timeout_s=2)) as latest:
        frames = frames_of(latest, 12)
        broken = latest.source.status.broken
    off = [min(np.abs(frame.picture - one).mean() for one in whole) for frame in frames]
    assert len(frames) == 12
    assert max(off) < 1
    assert broken == 0


def test_a_budget_of_a_picture_in_many_seconds_is_no_silence(server):
    with reading(server.url("/gate"), options=Options(fps=0.2, timeout_s=0.5)) as latest:
        assert len(frames_of(latest, 1)) == 1
        time.sleep(2.5)  # longer than a stream without pictures is borne with
        assert (latest.source.status.state, latest.source.status.connects) == (State.OK, 1)


def test_a_password_is_needed_where_the_camera_asks_for_one_and_a_wrong_one_is_said(clip):
    with rtsp_server({"/gate": clip}, users={"kim": "p@ss:1"}) as server:
        with reading(server.url("/gate", "kim:p%40ss%3A1")) as latest:
            assert len(frames_of(latest, 2)) == 2
        for user in ("", "kim:wrong"):
            with reading(server.url("/gate", user)) as latest:
                assert state_of(latest, State.REFUSED) is State.REFUSED
                error = latest.source.status.error
                assert error.code == "unauthorised"
                assert "wrong" not in error.sentence


def test_a_stream_that_the_server_does_not_know_is_refused(server):
    with reading(server.url("/nowhere")) as latest:
        assert state_of(latest, State.REFUSED) is State.REFUSED
        assert latest.source.status.error.code == "not_found"


def test_a_camera_clock_that_is_nine_hours_off_is_found_and_not_believed(clip):
    with rtsp_server({"/gate": clip}, clock_offset_s=9 * 3600) as server, reading(server.url("/gate")) as latest:
        deadline = time.monotonic() + 20
        while latest.source.status.clock_offset_s is None and time.monotonic() < deadline:
            frame = latest.take(0.5)
        assert latest.source.status.clock_offset_s == pytest.approx(9 * 3600, abs=5)
        assert abs(frame.at - time.time()) < 5


def test_a_right_clock_is_found_right(server):
    with reading(server.url("/yard")) as latest:
        deadline = time.monotonic() + 20
        while latest.source.status.clock_offset_s is None and time.monotonic() < deadline:
            latest.take(0.5)
        assert abs(latest.source.status.clock_offset_s) < 5


def test_a_killed_server_is_found_again_when_it_is_back(clip, short_waits):
    with rtsp_server({"/gate": clip}) as first, reading(first.url("/gate")) as latest:
        assert len(frames_of(latest, 2)) == 2
        first.process.kill()
        first.process.wait()
        assert state_of(latest, State.RECONNECTING) is State.RECONNECTING
        with rtsp_server({"/gate": clip}, port=first.port):
            frames_of(latest, 1)  # one may still lie in the slot
            assert len(frames_of(latest, 3)) == 3
            assert latest.source.status.state is State.OK
            assert latest.source.status.connects >= 2


def test_a_stream_that_ends_is_opened_again(tmp_path, short_waits):
    brief = write_clip(tmp_path / "brief.mp4", seconds=1.5, fps=10)
    with rtsp_server({"/brief": brief}) as server, reading(server.url("/brief")) as latest:
        deadline = time.monotonic() + 20
        while latest.source.status.connects < 3 and time.monotonic() < deadline:
            latest.take(0.2)
        assert latest.source.status.connects >= 3


def test_sound_is_never_asked_for(server):
    """The law forbids recording it: only the video of a stream is set up."""
    assert playing_module._RTSP["allowed_media_types"] == "video"
    with av.open(server.url("/gate"), options=playing_module._RTSP, timeout=5) as container:
        assert [stream.type for stream in container.streams] == ["video"]


def test_an_error_of_a_source_is_a_sentence_without_secrets():
    with pytest.raises(SourceError) as caught:
        read_address("rtsp://kim:secret word@10.0.0.1/")
    assert "secret" not in caught.value.sentence


# --- Servers that misbehave -------------------------------------------------------------------------
@contextmanager
def talker(*replies: bytes, then_hold=True):
    """A server that gives one of these replies to each caller, whatever it says; yields its port and the list of callers."""
    listener = socket.create_server(("127.0.0.1", 0))
    callers: list[socket.socket] = []

    def serve():
        for reply in itertools.chain(replies, itertools.repeat(replies[-1] if replies else b"")):
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            callers.append(connection)
            if reply:
                connection.recv(4096)
                connection.sendall(reply)
            if not then_hold:
                connection.close()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1], callers
    finally:
        listener.close()
        for connection in callers:
            connection.close()


def test_a_camera_that_accepts_and_says_nothing_does_not_hold_its_caller():
    with talker() as (port, _), reading(f"rtsp://127.0.0.1:{port}/a", options=Options(timeout_s=0.5)) as latest:
        state_of(latest, State.RECONNECTING)
        assert latest.source.status.error.code == "timeout"


def test_a_server_that_speaks_something_else_is_said():
    with talker(b"-ERR unknown command\r\n") as (port, _), reading(f"rtsp://127.0.0.1:{port}/a") as latest:
        state_of(latest, State.RECONNECTING)
        assert latest.source.status.error.code == "not_rtsp"


def test_an_rtsp_redirect_is_not_followed(server):
    reply = f"RTSP/1.0 302 Moved\r\nCSeq: 1\r\nLocation: {server.url('/gate')}\r\n\r\n".encode()
    with talker(reply) as (port, callers), reading(f"rtsp://127.0.0.1:{port}/a") as latest:
        assert state_of(latest, State.REFUSED) is State.REFUSED
        assert latest.source.status.error.code == "redirect_forbidden"
        assert len(callers) == 1


def test_nobody_there_is_said():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with reading(f"rtsp://127.0.0.1:{port}/a") as latest:
        state_of(latest, State.RECONNECTING)
        assert latest.source.status.error.code == "unreachable"


def test_an_address_outside_the_networks_is_never_called(server):
    with reading(server.url("/gate"), reach=Reach.of()) as latest:
        assert state_of(latest, State.REFUSED) is State.REFUSED
        assert latest.source.status.error.code == "address_forbidden"


def test_a_stalled_camera_holds_no_other(server):
    with talker() as (port, _), reading(f"rtsp://127.0.0.1:{port}/a", options=Options(timeout_s=3)) as stalled:
        with reading(server.url("/gate")) as healthy:
            assert len(frames_of(healthy, 3)) == 3
        assert stalled.source.status.passed == 0
