"""A person as sealed rows, and back. Pure.

Every person has a data key of their own, wrapped under the master key; whoever deletes the wrapped key makes the rest
unreadable. All rows of a person carry the generation of their last change and are bound to it: an older row beside
newer ones does not open.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.errors import StoreError
from edge.store.sealing import Sealer, new_key
from edge.values import Embedding, Person, Separation, Terms, frozen_array

_UNIT_TOLERANCE: Final = 1e-3


class SealedReference(NamedTuple):
    number: int
    space: str
    vector: bytes


class SealedPerson(NamedTuple):
    """`data_key` is wrapped under the master key, the rest sealed under it. `crops`: one a reference, or none."""

    id: str
    generation: int
    data_key: bytes
    record: bytes
    references: tuple[SealedReference, ...]
    crops: tuple[bytes, ...] = ()


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a person; `references`: how many rows there must be."""

    name: str
    enrolled_at: datetime
    terms: Terms
    separation: Separation | None
    consent: bool | None
    references: int


def close_person(
    person: Person, generation: int, master: Sealer, crops: Sequence[NDArray[np.uint8]] = ()
) -> SealedPerson:
    """Raises StoreError for a person who would not be read back as they are."""
    key = new_key()
    data = master.under(key)
    references = tuple(
        SealedReference(
            number,
            reference.space,
            data.seal(_bytes_of(reference.vector), "reference", person.id, number, reference.space, generation),
        )
        for number, reference in enumerate(person.references)
    )
    return SealedPerson(
        person.id,
        generation,
        master.seal(key, "key", person.id, generation),
        data.seal(_record_of(person), "record", person.id, generation),
        references,
        tuple(_seal_crops(person, crops, generation, data)),
    )


def open_person(sealed: SealedPerson, master: Sealer) -> Person:
    """Raises StoreError unless every row is whole, unaltered, and where it belongs."""
    about = (sealed.id, sealed.generation)
    data = master.under(master.unseal(sealed.data_key, "key", *about))
    try:
        record = msgspec.json.decode(data.unseal(sealed.record, "record", *about), type=_Record)
        enrolled_at = record.enrolled_at.astimezone(UTC)
    except (msgspec.DecodeError, ValueError, OverflowError) as error:  # the last two: no text, no date that there is
        raise StoreError(f"{sealed.id}: the record cannot be read: {error}") from error
    if [row.number for row in sealed.references] != list(range(record.references)):
        raise StoreError(f"{sealed.id}: references are missing")
    references = tuple(
        Embedding(
            _vector_of(data.unseal(vector, "reference", sealed.id, number, space, sealed.generation)),
            space,
        )
        for number, space, vector in sealed.references
    )
    return Person(sealed.id, record.name, references, enrolled_at, record.terms, record.separation, record.consent)


def open_crops(sealed: SealedPerson, master: Sealer) -> tuple[NDArray[np.uint8], ...]:
    """The pictures that the references were made of, uint8 [n, n, 3], RGB; none where not every one was kept.

    Raises StoreError when one was altered or moved.
    """
    if len(sealed.crops) != len(sealed.references):
        return ()
    data = master.under(master.unseal(sealed.data_key, "key", sealed.id, sealed.generation))
    return tuple(
        _crop_of(data.unseal(crop, "crop", sealed.id, number, space, sealed.generation))
        for (number, space, _), crop in zip(sealed.references, sealed.crops, strict=True)
    )


def _record_of(person: Person) -> bytes:
    terms = person.terms
    moments = (person.enrolled_at, terms.valid_from, terms.valid_until)
    if any(moment is not None and moment.tzinfo is None for moment in moments):
        raise StoreError(f"{person.id}: every time of theirs needs a time zone")
    count = len(person.references)
    record = _Record(person.name, person.enrolled_at, terms, person.separation, person.consent, count)
    try:
        person.enrolled_at.astimezone(UTC)
        text = msgspec.json.encode(record)
        same = msgspec.json.decode(text, type=_Record) == record
    except (ValueError, TypeError, OverflowError) as error:  # NaN, a lone surrogate, a word that is none
        raise StoreError(f"{person.id} cannot be stored: {error}") from error
    if not same:
        raise StoreError(f"{person.id} cannot be stored: it would read back as somebody else")
    return text


def _bytes_of(vector: NDArray[np.float32]) -> bytes:
    _check_unit(vector)
    return np.ascontiguousarray(vector, dtype="<f4").tobytes()


def _vector_of(plain: bytes) -> NDArray[np.float32]:
    if len(plain) % 4:
        raise StoreError(f"a reference of {len(plain)} bytes is none")
    vector = np.frombuffer(plain, dtype="<f4").astype(np.float32)
    _check_unit(vector)
    return frozen_array(vector)


def _seal_crops(person: Person, crops: Sequence[NDArray[np.uint8]], generation: int, data: Sealer) -> Iterator[bytes]:
    if crops and len(crops) != len(person.references):
        raise StoreError(f"{person.id}: {len(crops)} crops of {len(person.references)} references")
    for number, (crop, reference) in enumerate(zip(crops, person.references, strict=False)):
        if crop.dtype != np.uint8 or crop.ndim != 3 or crop.shape != (len(crop), len(crop), 3) or not len(crop):
            raise StoreError(f"a crop is uint8 [n, n, 3], not {crop.dtype} {list(crop.shape)}")
        yield data.seal(crop.tobytes(), "crop", person.id, number, reference.space, generation)


def _crop_of(plain: bytes) -> NDArray[np.uint8]:
    side = math.isqrt(len(plain) // 3)
    if not side or len(plain) != 3 * side * side:
        raise StoreError(f"a crop of {len(plain)} bytes is none")
    return frozen_array(np.frombuffer(plain, dtype=np.uint8).reshape(side, side, 3).copy())


def _check_unit(vector: NDArray[np.float32]) -> None:
    """Raises StoreError unless float32 [dimension], finite and of length one. NaN fails every comparison here."""
    if vector.dtype != np.float32 or vector.ndim != 1:
        raise StoreError(f"a reference is float32 [dimension], not {vector.dtype} {list(vector.shape)}")
    if not abs(float(np.linalg.norm(vector.astype(np.float64))) - 1.0) <= _UNIT_TOLERANCE:
        raise StoreError("a reference is not a unit vector")
