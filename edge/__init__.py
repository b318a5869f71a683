"""Limen on the device: from a camera frame to an opened strike and an MQTT event.

Deliberately empty of imports: the strike process starts from this package and must not load OpenCV or a model runtime.
"""

__version__ = "0.1.0"
