"""Finding the shared tower, on models drawn by hand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from convert.errors import ConversionError
from convert.sources.tower import Step, find_tower, head_steps


def inputs(count: int = 2) -> list[Step]:
    return [Step(f"input {number}", "[16, 16, 3]") for number in range(count)]


def made(name: str, *parents: Step, kind: str = "") -> Step:
    return Step(name, "[8]", kind or name, parents)


def names(steps: Sequence[Step]) -> list[str]:
    return [step.name for step in steps]


def test_a_model_of_one_input_is_its_own_tower() -> None:
    (pixels,) = inputs(1)
    vector = made("vector", made("seen", pixels))
    assert find_tower([pixels], [vector]) == (vector,)
    assert head_steps([pixels], [vector]) == ()


@pytest.mark.parametrize("count", [2, 3])
def test_the_tower_ends_where_the_branches_meet(count: int) -> None:
    pixels = inputs(count)
    ends = [made("vector", made("seen", one)) for one in pixels]
    verdict = made("verdict", made("distance", *ends))
    assert find_tower(pixels, [verdict]) == tuple(ends)
    assert names(head_steps(pixels, [verdict])) == ["distance", "verdict"]


def test_branches_that_never_meet_end_at_the_outputs() -> None:
    pixels = inputs(3)
    ends = [made("vector", one) for one in pixels]
    assert find_tower(pixels, ends) == tuple(ends)


def test_a_pair_that_is_used_twice_is_one_tower() -> None:
    left, right = inputs()
    ends = made("vector", left), made("vector", right)
    verdict = made("verdict", made("difference", *ends), made("product", *ends))
    assert find_tower([left, right], [verdict]) == ends


def test_a_constant_belongs_to_no_branch() -> None:
    left, right = inputs()
    weights = made("weights")
    ends = made("vector", left, weights), made("vector", right, weights)
    assert find_tower([left, right], [made("distance", *ends, made("one"))]) == ends


def test_branches_with_weights_of_their_own_name_what_they_share() -> None:
    left, right = inputs()
    ends = [made(f"own {number}", made("shared", one)) for number, one in enumerate((left, right))]
    with pytest.raises(ConversionError, match=r"weights of their own; candidates for --tower: shared \[8\]$"):
        find_tower([left, right], [made("distance", *ends)])
    assert names(find_tower([left, right], [made("distance", *ends)], "shared")) == ["shared", "shared"]


def test_two_ends_have_to_be_told_apart_by_name() -> None:
    left, right = inputs()
    ends = [made(name, one) for one in (left, right) for name in ("face", "age")]
    verdict = made("verdict", *ends)
    with pytest.raises(ConversionError, match=r"name it with --tower: age \[8\], face \[8\]"):
        find_tower([left, right], [verdict])
    assert names(find_tower([left, right], [verdict], "face")) == ["face", "face"]


def test_the_name_of_one_branch_means_all() -> None:
    left, right = inputs()
    # In a graph of operations each has a name of its own.
    ends = made("net/Add", left, kind="Add"), made("net_1/Add", right, kind="Add")
    assert find_tower([left, right], [made("distance", *ends)], "net_1/Add") == ends


def test_an_unknown_name_gets_the_candidates() -> None:
    left, right = inputs()
    distance = made("distance", made("vector", left), made("vector", right))
    with pytest.raises(ConversionError, match=r"not in a part that all 2 inputs go through; candidates.*vector \[8\]"):
        find_tower([left, right], [distance], "distance")


def test_pixels_that_are_compared_at_once_have_no_tower() -> None:
    left, right = inputs()
    with pytest.raises(ConversionError, match="nothing is shared by all inputs"):
        find_tower([left, right], [made("distance", left, right)])


def test_a_long_list_of_candidates_is_cut() -> None:
    left, right = inputs()
    ends = [left, right]
    for number in range(40):
        ends = [made(f"layer {number}", end) for end in ends]
    ends = [made(f"own {number}", end) for number, end in enumerate(ends)]
    with pytest.raises(ConversionError, match=r"layer 39 \[8\], layer 38 \[8\].* and 28 earlier"):
        find_tower([left, right], [made("distance", *ends)])


def test_depth_is_no_limit() -> None:
    left, right = inputs()
    ends = (left, right)
    for number in range(5000):
        ends = (made(f"layer {number}", ends[0]), made(f"layer {number}", ends[1]))
    assert find_tower([left, right], [made("distance", *ends)]) == ends
