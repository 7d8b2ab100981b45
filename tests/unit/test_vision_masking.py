"""Thumbnails: small, and nobody in them to be known."""

import cv2
import numpy as np
import pytest

from cctv.vision.masking import LARGEST_BYTES, masked_thumbnail


@pytest.fixture
def noisy():
    return np.random.default_rng(1).integers(0, 256, (480, 640, 3), dtype=np.uint8)


def read(jpeg):
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def test_a_thumbnail_is_small_even_of_pure_noise(noisy):
    jpeg = masked_thumbnail(noisy, [])
    assert len(jpeg) <= LARGEST_BYTES
    assert read(jpeg).shape[1] <= 320


def test_the_fine_detail_of_a_person_is_gone_and_that_beside_stays():
    fine = np.where(np.indices((240, 320)).sum(axis=0) % 8 < 4, 0, 255).astype(np.uint8)
    picture = np.repeat(fine[:, :, None], 3, axis=2)
    shown = read(masked_thumbnail(picture, [(100.0, 60.0, 160.0, 180.0)]))[:, :, 0].astype(float)
    assert shown[60:180, 100:160].std() < 20
    assert shown[60:180, 200:260].std() > 80


def test_two_people_who_differ_in_detail_alone_give_the_same_thumbnail():
    rng = np.random.default_rng(2)
    one = np.full((240, 320, 3), 96, np.uint8)
    other = one.copy()
    for picture in (one, other):
        face = rng.permutation(np.repeat(np.array([40, 200], np.uint8), 24 * 24 // 2)).reshape(24, 24)
        picture[80:104, 148:172] = face[:, :, None]
    box = [(130.0, 70.0, 190.0, 190.0)]
    assert np.abs(read(masked_thumbnail(one, box)).astype(int) - read(masked_thumbnail(other, box))).max() <= 32


def test_without_boxes_the_whole_picture_is_pixelated(noisy):
    shown = read(masked_thumbnail(noisy, None)).astype(float)
    assert shown.std() < 20


def test_what_moves_is_pixelated_too(noisy):
    foreground = np.zeros((240, 320), np.uint8)
    foreground[100:150, 100:150] = 255
    shown = read(masked_thumbnail(noisy, [], foreground=foreground)).astype(float)
    assert shown[104:146, 104:146].std() < 0.6 * shown[10:60, 10:60].std()


@pytest.mark.parametrize("box", [(float("nan"), 0, 1, 1), (-50, -50, 900, 900), (10, 10, 10, 10), (600, 400, 500, 300)])
def test_a_senseless_box_raises_nothing(noisy, box):
    assert masked_thumbnail(noisy, [box]).startswith(b"\xff\xd8")
