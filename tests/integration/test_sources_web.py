"""Live streams from a real web server on loopback: progressive video and HLS, and addresses inside them that are forbidden."""

import threading
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cctv.sources import Reach, State
from tests.clips import walk, write_clip
from tests.streaming import frames_of, reading, state_of


@pytest.fixture(scope="module")
def web_folder(tmp_path_factory):
    """A progressive clip, and the same as HLS in segments of a second."""
    folder = tmp_path_factory.mktemp("web")
    write_clip(folder / "walk.ts", seconds=8, fps=10)
    names = []
    for number in range(6):
        name = f"part{number}.ts"
        write_clip(folder / name, seconds=1, fps=10, draw=lambda n, fps, size, base=number * 10: walk(base + n, fps, size))
        names.append(f"#EXTINF:1.0,\n{name}")
    head = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
    (folder / "live.m3u8").write_text(head + "\n#EXT-X-DISCONTINUITY\n".join(names) + "\n#EXT-X-ENDLIST\n")
    return folder


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@contextmanager
def web_server(handler, host="127.0.0.1"):
    with ThreadingHTTPServer((host, 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


def test_video_over_http_is_read_progressively_and_as_hls(web_folder):
    with web_server(partial(Quiet, directory=str(web_folder))) as port:
        for name in ("walk.ts", "live.m3u8"):
            with reading(f"http://127.0.0.1:{port}/{name}") as latest:
                frames = frames_of(latest, 2)
                assert len(frames) == 2, latest.source.status
                assert frames[0].picture.shape == (240, 320, 3)


def test_what_the_web_server_answers_is_told_apart(web_folder):
    class Guarded(Quiet):
        def do_GET(self):
            self.send_error(401 if self.path == "/closed" else 500)

    with web_server(Guarded) as port:
        with reading(f"http://127.0.0.1:{port}/closed") as latest:
            assert state_of(latest, State.REFUSED) is State.REFUSED
            assert latest.source.status.error.code == "unauthorised"
        with reading(f"http://127.0.0.1:{port}/broken") as latest:
            assert state_of(latest, State.RECONNECTING) is State.RECONNECTING
            assert latest.source.status.error.code == "server_error"


def test_a_web_camera_gets_its_password_and_no_other_host_does(web_folder):
    seen = []

    class Asking(Quiet):
        def do_GET(self):
            seen.append((self.path, self.headers.get("Authorization")))
            if self.path == "/walk.ts":
                self.send_response(302)
                self.send_header("Location", f"http://127.0.0.2:{other}/walk.ts")
                self.end_headers()
            else:
                self.send_error(404)

    class Other(Quiet):
        def do_GET(self):
            seen.append((f"other{self.path}", self.headers.get("Authorization")))
            self.send_error(404)

    with web_server(Other, "127.0.0.2") as other, web_server(Asking) as port:
        reach = Reach.of(["127.0.0.0/24"])
        with reading(f"http://kim:pw@127.0.0.1:{port}/walk.ts", reach=reach) as latest:
            state_of(latest, State.REFUSED)
    assert seen[:2] == [("/walk.ts", "Basic a2ltOnB3"), ("other/walk.ts", None)]


@pytest.mark.parametrize("target", ["http://127.0.0.2:{port}/a.ts", "file:///etc/passwd", "rtsp://127.0.0.1:{port}/a"])
def test_a_playlist_or_redirect_to_a_forbidden_address_is_never_called(tmp_path, target):
    asked = []

    class Forbidden(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)

        def log_message(self, *args):
            pass

    class Sender(Quiet):
        def do_GET(self):
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", target.format(port=forbidden))
                self.end_headers()
            else:
                super().do_GET()

    with web_server(Forbidden, "127.0.0.2") as forbidden:
        playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\n" + target.format(port=forbidden) + "\n#EXT-X-ENDLIST\n"
        (tmp_path / "list.m3u8").write_text(playlist)
        with web_server(partial(Sender, directory=str(tmp_path))) as port:
            for path in ("list.m3u8", "moved"):
                with reading(f"http://127.0.0.1:{port}/{path}") as latest:
                    state_of(latest, State.REFUSED, State.RECONNECTING, State.SILENT)
                    assert latest.source.status.error is not None
                    assert latest.source.status.passed == 0
    assert asked == []


def test_noise_over_http_is_called_corrupt_or_no_pictures():
    class Noise(Quiet):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(bytes(range(256)) * 400)

    with web_server(Noise) as port, reading(f"http://127.0.0.1:{port}/noise") as latest:
        state_of(latest, State.REFUSED, State.RECONNECTING)
        assert latest.source.status.error.code in {"corrupt", "no_pictures"}
