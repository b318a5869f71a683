"""The live picture: seen on this machine, by few, and drawn only while somebody looks."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.errors import ConfigError
from edge.service.overlay import Caption, draw
from edge.service.preview import Preview
from edge.values import Box, Decision, Face, Match, Probe


def a_picture() -> NDArray[np.uint8]:
    return np.full((120, 160, 3), 90, np.uint8)


@contextmanager
def visitor(preview: Preview, path: str, host: str | None = None) -> Iterator[http.client.HTTPResponse]:
    port = int(preview.address.rstrip("/").rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.putrequest("GET", path, skip_host=True)
    connection.putheader("Host", host or f"127.0.0.1:{port}")
    connection.endheaders()
    response = connection.getresponse()
    try:
        yield response
    finally:
        response.close()
        connection.close()


def test_a_viewer_sees_the_newest_picture_as_a_jpeg() -> None:
    with Preview(0) as preview, visitor(preview, "/stream") as stream:
        assert stream.status == 200
        while not preview.watched:
            pass
        preview.show(a_picture)
        assert stream.readline() == b"--frame\r\n"
        stream.readline()
        length = int(stream.readline().split(b":")[1])
        stream.readline()
        jpeg = np.frombuffer(stream.read(length), np.uint8)
        assert cv2.imdecode(jpeg, cv2.IMREAD_COLOR).shape == (120, 160, 3)


def test_nothing_is_drawn_while_nobody_looks() -> None:
    def never() -> NDArray[np.uint8]:
        raise AssertionError("drawn for nobody")

    with Preview(0) as preview:
        preview.show(never)


def test_a_page_that_names_another_host_is_refused() -> None:
    with Preview(0) as preview:
        with visitor(preview, "/stream", host="evil.example:80") as answer:
            assert answer.status == 403
        with visitor(preview, "/") as answer:
            assert answer.status == 200
            assert b"/stream" in answer.read()
        with visitor(preview, "/../etc/passwd") as answer:
            assert answer.status == 404


def test_a_fifth_viewer_is_sent_away() -> None:
    with Preview(0) as preview:
        assert all(preview.join() for _ in range(4))
        with visitor(preview, "/stream") as answer:
            assert answer.status == 503


def test_a_taken_port_is_a_configuration_error_that_names_the_key() -> None:
    with Preview(0) as preview, pytest.raises(ConfigError, match=r"preview\.port"):
        Preview(int(preview.address.rstrip("/").rpartition(":")[2]))


@pytest.mark.parametrize("width", [160, 640, 1280])
def test_the_overlay_marks_the_face_and_keeps_the_picture_above_the_panel(width: int) -> None:
    image = np.full((300, width, 3), 90, np.uint8)
    face = Face(Box(-20, 40, 90, 300), 0.9, np.zeros((6, 2), np.float32))
    best = Match("ada", "Ada Łovelace", 0.7, 6, 10, verified=True)
    decision = Decision("v", "granted", "verified", at=2, frame_at=2, started_at=1, match=best)
    probe = Probe(at=1, number=1, faces=1, face=face)
    picture = draw(image, probe, best, Caption(0.5, 0.5, decision=decision))
    assert picture.shape == (396, width, 3)
    assert (picture[:300] != image).any()
    assert (image == 90).all(), "the frame itself must not be painted on"
    nobody = draw(image, Probe(at=1, number=1, faces=0), None, Caption(0.5, 0.5))
    assert (nobody[:300] == image).all()
