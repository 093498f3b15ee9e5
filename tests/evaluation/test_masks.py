"""Run-length encodings: worked by hand, and against malformed ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from evaluation.interaction import masks
from tests.evaluation.helpers import rectangle


def test_box_and_area_of_a_rectangle() -> None:
    rle = masks.encode(rectangle(12, 30, 40, 6))
    assert masks.box(rle) == [12, 30, 40, 6]
    assert masks.area(rle) == 240
    assert rle["size"] == [300, 300]


def test_upsample_makes_each_cell_its_nine_pixels() -> None:
    grid = np.zeros((2, 100, 100), dtype=bool)
    grid[1, 4, 7] = True
    large = masks.upsample(grid)
    assert large.shape == (2, 300, 300)
    assert large[1].sum() == 9 and large[1, 12:15, 21:24].all() and not large[0].any()


@given(hnp.arrays(bool, (7, 5)))
def test_encode_and_decode_are_inverse_and_checked(mask: np.ndarray) -> None:
    assume(mask.any())
    rle = masks.check_rle(masks.encode(mask), 7, 5)
    assert (masks.decode(rle) == mask).all()


def test_uncompressed_counts_are_column_major() -> None:
    # 2 rows, 3 columns; columns are 01, 10, 00: one zero, two ones, three zeros.
    rle = masks.check_rle({"size": [2, 3], "counts": [1, 2, 3]}, 2, 3)
    assert masks.decode(rle).tolist() == [[False, True, False], [True, False, False]]


@pytest.mark.parametrize(
    ("rle", "says"),
    [
        (None, "COCO RLE"),
        ({"size": [2, 3]}, "COCO RLE"),
        ({"size": [3, 2], "counts": [6]}, r"size \[2, 3\]"),
        ({"size": [2, 3], "counts": [7]}, "add up"),
        ({"size": [2, 3], "counts": [-1, 7]}, "add up"),
        ({"size": [2, 3], "counts": [1.5, 4.5]}, "run lengths"),
        # Nobody can find an object without a pixel, in whichever form it is written: six zeros; zeros in two runs.
        ({"size": [2, 3], "counts": [6]}, "at least one pixel"),
        ({"size": [2, 3], "counts": [2, 0, 4]}, "at least one pixel"),
        ({"size": [2, 3], "counts": "6"}, "at least one pixel"),
        ({"size": [2, 3], "counts": masks.encode(np.zeros((2, 3), dtype=bool))["counts"]}, "at least one pixel"),
        ({"size": [2, 3], "counts": "\x00"}, "compressed COCO string"),
        ({"size": [2, 3], "counts": "P"}, "complete compressed"),
        ({"size": [2, 3], "counts": "o" * 20}, "compressed COCO string"),
    ],
)
def test_malformed_encodings_say_what_is_wrong(rle: object, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        masks.check_rle(rle, 2, 3)


@settings(max_examples=300)
@given(st.text(alphabet=[chr(c) for c in range(40, 120)], max_size=12))
def test_any_string_is_refused_or_decodes(counts: str) -> None:
    try:
        rle = masks.check_rle({"size": [4, 6], "counts": counts}, 4, 6)
    except ValueError:
        return
    assert masks.decode(rle).shape == (4, 6) and masks.area(rle) > 0 and min(masks.box(rle)[2:]) > 0
