"""What can go wrong, as a tree. Every message names the thing and, where there is one, the cure.

LimenError
├── ConfigError        config.yaml: wrong key, type, range or file          exit code 78
├── ModelError         a model or its card is missing, altered or unfit     exit code 78
├── CameraError        the source cannot be opened or read (recoverable)
├── StrikeError        the strike process did not do, or cannot confirm, what it was told
│   └── StrikeBusyError another process holds the strike's pin
├── InputError         a contact, button or lamp cannot be claimed, or is not watched any more
├── StoreError         the state directory or database cannot be used
│   └── StoreBusyError another process holds the store
├── MessageError       an MQTT command that is refused; carries the answer's code
└── EnrolmentError     a person could not be enrolled; carries the answer's code
"""

from __future__ import annotations


class LimenError(Exception):
    """Anything Limen raises on purpose."""


class ConfigError(LimenError):
    """One or more configuration problems, each `key: what is wrong`."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ModelError(LimenError):
    """A model file or its card is missing, altered or does not fit."""


class CameraError(LimenError):
    """The camera source cannot be opened or read."""


class StrikeError(LimenError):
    """The strike did not do, or cannot confirm, what it was told."""


class StrikeBusyError(StrikeError):
    """Another process holds the strike's pin."""


class InputError(LimenError):
    """A contact, button or lamp cannot be claimed, or is not watched any more."""


class StoreError(LimenError):
    """The state directory or the database cannot be used."""


class StoreBusyError(StoreError):
    """Another process holds the store."""


class _CodedError(LimenError):
    """An error that becomes an MQTT answer: `code` is one word of the contract, `retryable` a hint to the sender."""

    def __init__(self, code: str, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable


class MessageError(_CodedError):
    """A command that is refused and must not act."""


class EnrolmentError(_CodedError):
    """A person could not be enrolled; nothing was stored."""
