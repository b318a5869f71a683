"""What a set of references must hold before it may become a person: agree with itself, and be nobody known already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from edge.access.gallery import Gallery
from edge.access.policy import Rule
from edge.access.separation import separate
from edge.errors import EnrolmentError
from edge.values import Crop, Embedding, Person, QualityWord, Separation, Terms

ErrorCode = Literal["no_face", "not_confirmed", "too_few_references", "two_people", "already_enrolled"]

# Why a picture is no reference: what the gate says, and what only an enrolment minds.
RefusalWord = QualityWord | Literal["no_face", "several_faces", "bad_embedding", "same_picture"]

# Mean absolute difference of two aligned crops, in grey levels of 255, below which they count as the same pixels up to
# noise. The alignment amplifies noise, so the two uses need two figures. From the camera 0.45 s apart, people holding
# still gave 1.1 or more, a motionless picture without noise less. Among photographs, 80 files coded again as JPEG gave
# up to 10.0, different pictures of one person 16.9 or more.
SAME_FRAME: Final = 1.0
SAME_PHOTOGRAPH: Final = 12.0


@dataclass(frozen=True, slots=True)
class EnrolmentRequest:
    """Whom to enrol: a clean name, an id nobody has, how many references, when (wall clock) it was asked for.

    `consent` is what was said of the person's agreement; `minor`, that they are a child.
    """

    name: str
    person_id: str
    references: int
    transaction: str
    asked_at: datetime
    consent: bool | None = None
    minor: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an enrolment ended: with a `person` for the caller to store, or with an `error`; never with both.

    `dropped` are the indexes (in the order they were taken) of references that did not agree with the others, `crops`
    the pictures of those that did, `refusals` how many pictures never became one, by word. `known_as` is the id under
    which the person is enrolled already. `warnings` are sentences for the operator.
    """

    request: EnrolmentRequest
    person: Person | None = None
    error: EnrolmentError | None = None
    warnings: tuple[str, ...] = ()
    dropped: tuple[int, ...] = ()
    crops: tuple[Crop, ...] = ()
    refusals: Mapping[RefusalWord, int] = field(default_factory=dict)
    known_as: str | None = None


def refused(request: EnrolmentRequest, code: ErrorCode, message: str) -> Outcome:
    """Nothing is stored. Everything but a person who is there already may be tried again."""
    return Outcome(request, error=EnrolmentError(code, message, retryable=code != "already_enrolled"))


def counted(refusals: Mapping[RefusalWord, int], word: RefusalWord) -> Mapping[RefusalWord, int]:
    """`refusals` with one more of `word`."""
    return {**refusals, word: refusals.get(word, 0) + 1}


def same_pixels(crop: Crop | None, earlier: Sequence[Crop | None], figure: float) -> bool:
    """Whether `crop` shows the pixels of one of `earlier` up to noise and brightness; unknown where one is missing."""
    if crop is None:
        return False
    centred = _centred(crop)
    return any(
        float(np.abs(centred - _centred(one)).mean()) < figure
        for one in earlier
        if one is not None and one.pixels.shape == crop.pixels.shape
    )


def conclude(request: EnrolmentRequest, references: Sequence[Embedding], gallery: Gallery, rule: Rule) -> Outcome:
    """Check `references` against each other and everybody enrolled, and make the person.

    References agree when the median similarity of each to the others reaches the detection threshold: what the door
    asks of a stranger, a person's own pictures must give. Those that do not are dropped; two of them that agree with
    each other but with nobody kept are a second person.
    """
    terms = Terms(minor=request.minor)
    person = Person(
        request.person_id, request.name, tuple(references), request.asked_at, terms, consent=request.consent
    )
    own = Gallery.of((person,), gallery.space, rule)
    if len(references) < rule.minimum_references or own.unusable:
        return _too_few(request, len(references), rule)
    similarities = rule.compare.against(own.matrix, own.matrix)
    agree = _agreeing(similarities, rule.detection_threshold)
    if _second_person(similarities, agree, rule.detection_threshold):
        return refused(request, "two_people", "the references show two different people")
    kept, dropped = np.flatnonzero(agree), tuple(np.flatnonzero(~agree).tolist())
    if len(kept) < rule.minimum_references:
        return replace(_too_few(request, len(kept), rule), dropped=dropped)
    person = replace(person, references=tuple(references[index] for index in kept.tolist()))
    known = _already_enrolled(person, gallery, rule)
    if known is not None:
        known_already = refused(request, "already_enrolled", "this person is enrolled already")
        return replace(known_already, known_as=known)
    separation = separate(person, gallery, rule)
    warnings = tuple(_warnings(request, person, dropped, separation, gallery))
    person = replace(person, separation=replace(separation, warnings=warnings))
    return Outcome(request, person, warnings=warnings, dropped=dropped)


def _centred(crop: Crop) -> NDArray[np.float32]:
    grey: NDArray[np.float32] = crop.pixels.mean(axis=2, dtype=np.float32)
    return grey - np.float32(grey.mean())


def _agreeing(similarities: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Which references look like most of the others."""
    count = len(similarities)
    others = similarities[~np.eye(count, dtype=bool)].reshape(count, count - 1)
    return np.asarray(np.median(others, axis=1) >= threshold, dtype=bool)


def _second_person(similarities: NDArray[np.float32], agree: NDArray[np.bool_], threshold: float) -> bool:
    linked = similarities >= threshold
    strangers = ~agree & ~linked[:, agree].any(axis=1)
    return bool((linked[np.ix_(strangers, strangers)].sum(axis=1) >= 2).any())  # itself and another one


def _already_enrolled(person: Person, gallery: Gallery, rule: Rule) -> str | None:
    """Whom most of the new references verify."""
    matches = (match for one in person.references for match in gallery.match(one, rule) if match.verified)
    verified = Counter(match.person_id for match in matches).most_common(1)
    return next((known for known, times in verified if 2 * times > len(person.references)), None)


def _warnings(
    request: EnrolmentRequest, person: Person, dropped: Sequence[int], separation: Separation, gallery: Gallery
) -> Iterable[str]:
    kept = len(person.references)
    yield from (f"reference {index + 1} did not look like the others and was left out" for index in dropped)
    if kept < request.references:
        yield f"{kept} references instead of {request.references}: the door may refuse this person more often"
    yield from separation.warnings
    if request.minor:
        yield "a child's face opens nothing by itself: it takes a second factor"
    if gallery.unusable:
        yield f"could not be compared with everybody: {len(gallery.unusable)} must be enrolled again"


def _too_few(request: EnrolmentRequest, count: int, rule: Rule) -> Outcome:
    message = f"{count} usable references, and it takes at least {rule.minimum_references}"
    return refused(request, "too_few_references", message)
