"""The real PETS 2009 clip through a real RTSP server: pictures come as they lie in the file, dated by us.

The server sends them all with one and the same time, because an AVI tells none for pictures that are coded out of order.
"""

import itertools
import statistics
import time

import av
import numpy as np
import pytest

from cctv.sources import Options
from tests.rtsp import rtsp_server
from tests.streaming import frames_of, reading

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def pets(shared_data):
    clip = shared_data / "cctv-pets09" / "vtest_480x360_h264.avi"
    if not clip.exists():
        pytest.skip(f"{clip} is not there")
    return clip


def test_the_pets_clip_comes_through_rtsp_as_it_lies_in_the_file(pets):
    with av.open(str(pets)) as container:
        first = [frame.to_ndarray(format="bgr24") for frame in itertools.islice(container.decode(video=0), 60)]
    with rtsp_server({"/pets": pets}) as server, reading(server.url("/pets"), options=Options(fps=10, height=0)) as latest:
        frames = frames_of(latest, 12)
        assert latest.source.status.broken == 0
    assert len(frames) == 12
    assert frames[0].picture.shape == (360, 480, 3)
    nearest = min(np.abs(frames[0].picture.astype(int) - picture).mean() for picture in first)
    assert nearest < 1.0
    gaps = [after.at - before.at for before, after in itertools.pairwise(frames)]
    assert statistics.median(gaps) == pytest.approx(0.1, abs=0.05)
    assert abs(frames[-1].at - time.time()) < 30
