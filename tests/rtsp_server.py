"""A real RTSP server on loopback, for the tests: GStreamer's own, run by the system's Python as a child of `tests/rtsp.py`.

Reads one JSON object from its first argument: {"clips": {"/path": "clip.mp4"}, "users": {"name": "password"},
"clock_offset_s": 0, "port": 0}. Serves each clip again and again to whoever asks, and prints the port once it listens.
"""

import json
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, GObject, Gst, GstRtspServer  # noqa: E402

# AVI tells no times for pictures that are coded out of order: they are all sent with the same one, as some cameras do.
DEMUXERS = {"mp4": "qtdemux", "avi": "avidemux", "mkv": "matroskademux"}
NTP_EPOCH_S = 2_208_988_800  # from 1900 to 1970
CLOCK_TIME = 3  # rtpbin's ntp-time-source: sender reports carry the pipeline's clock


class OtherClock(GstRtspServer.RTSPMediaFactory):
    """Media whose sender reports tell a time that is `offset_s` off, as a camera set to another zone does."""

    offset_s = 0.0

    def do_configure(self, media: GstRtspServer.RTSPMedia) -> None:
        GstRtspServer.RTSPMediaFactory.do_configure(self, media)
        if self.offset_s:
            media.connect("prepared", self._prepared)

    def _prepared(self, media: GstRtspServer.RTSPMedia) -> None:
        pipeline = media.get_element().get_parent()
        rtpbin = next(child for child in pipeline.children if child.get_factory().get_name() == "rtpbin")
        clock = GObject.new(Gst.SystemClock, clock_type=Gst.ClockType.REALTIME)
        clock.set_calibration(0, int((NTP_EPOCH_S + self.offset_s) * Gst.SECOND), 1, 1)
        pipeline.use_clock(clock)
        rtpbin.set_property("ntp-time-source", CLOCK_TIME)


def _ask_for_password(server: GstRtspServer.RTSPServer, users: dict[str, str]) -> None:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    for name, password in users.items():
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(name, password), token)
    server.set_auth(auth)


def main() -> None:
    wanted = json.loads(sys.argv[1])
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(wanted.get("port", 0)))
    mounts = server.get_mount_points()
    for path, clip in wanted["clips"].items():
        factory = OtherClock()
        factory.offset_s = wanted.get("clock_offset_s", 0)
        demuxer = DEMUXERS[clip.rpartition(".")[2]]
        factory.set_launch(
            f'( filesrc location="{clip}" ! {demuxer} ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1 )'
        )
        if wanted.get("users"):
            permissions = GstRtspServer.RTSPPermissions()
            permissions.add_permission_for_role("viewer", "media.factory.access", True)
            permissions.add_permission_for_role("viewer", "media.factory.construct", True)
            factory.set_permissions(permissions)
        mounts.add_factory(path, factory)
    if wanted.get("users"):
        _ask_for_password(server, wanted["users"])
    server.attach(None)
    sys.stdout.write(f"{server.get_bound_port()}\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


main()
