"""Where frames come from. `open_camera` gives a `Camera` that survives whatever its source does."""

from edge.camera.camera import Camera, make_source, open_camera
from edge.camera.source import Source
from edge.camera.watch import CameraNotice, CameraState

__all__ = ["Camera", "CameraNotice", "CameraState", "Source", "make_source", "open_camera"]
