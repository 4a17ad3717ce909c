"""The arithmetic of windows, by counting them one at a time."""

import itertools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sequence_lab.ops import masking, windows

PADDINGS: tuple[windows.Padding, ...] = (
    "VALID", "SAME", "CAUSAL", "REFLECT", "CIRCULAR", 0, 2, ((0, 3),), ((2, 0),), (1,), [[2, 1]],
)  # fmt: skip
EVERY_WORD = windows.ZEROS + windows.BOUNDARIES
GEOMETRIES = tuple(itertools.product((1, 2, 3, 4), (1, 2, 3), (1, 2, 3)))  # size, stride, dilation
LENGTHS = np.array([4, 3, 1, 0], np.int32)
WIDTHS = np.array([2, 3, 1, 2], np.int32)


def full_windows(length: int, window: windows.Window) -> list[int]:
    """Where the windows start that fit between the ends of the padding; the first real step is 0."""
    left, right = window.padding
    reach = (window.size - 1) * window.dilation + 1
    return [s for s in range(-left, length + right, window.stride) if s + reach <= length + right] if length else []


def hanging_windows(length: int, window: windows.Window) -> list[int]:
    """The same in PyTorch's ceil mode: some places may hang over the end, fewer than the stride has."""
    left, right = window.padding
    reach = (window.size - 1) * window.dilation + 1
    return [s for s in range(-left, length, window.stride) if s + reach - window.stride < length + right]


@pytest.mark.parametrize("padding", PADDINGS, ids=str)
@pytest.mark.parametrize("ceil_mode", [False, True], ids=["floor", "ceil"])
def test_output_length_equals_counting(padding: windows.Padding, ceil_mode: bool) -> None:
    count = hanging_windows if ceil_mode else full_windows
    for size, stride, dilation in GEOMETRIES:
        ((left, right),) = windows.pad_widths(padding, (size,), (dilation,), EVERY_WORD)
        window = windows.Window(size, stride, dilation, (left, right), ceil_mode)
        expected = [len(count(length, window)) if length else 0 for length in range(9)]
        options = (size, stride, padding, dilation)
        actual = [windows.output_length(length, *options, ceil_mode=ceil_mode) for length in range(9)]
        assert actual == expected, options
        assert all(type(steps) is int for steps in actual)
        assert [window.output_length(length) for length in range(9)] == expected, options
        if isinstance(padding, str) and padding != "VALID" and not ceil_mode:
            assert expected == [math.ceil(length / stride) for length in range(9)], options


@pytest.mark.parametrize("padding", PADDINGS[:7], ids=str)
@pytest.mark.parametrize("ceil_mode", [False, True], ids=["floor", "ceil"])
def test_output_length_of_arrays_equals_that_of_ints(padding: windows.Padding, ceil_mode: bool) -> None:
    for size, stride, dilation in [(1, 1, 1), (3, 2, 1), (4, 3, 1), (2, 2, 3), (3, 1, 2)]:
        options = (size, stride, padding, dilation)
        expected = [windows.output_length(length, *options, ceil_mode=ceil_mode) for length in range(9)]
        for lengths in (np.arange(9, dtype=np.int32), jnp.arange(9)):
            several = windows.output_length(lengths, *options, ceil_mode=ceil_mode)
            assert several.dtype == jnp.int32
            np.testing.assert_array_equal(several, expected, err_msg=str(options))


def test_output_length_in_ceil_mode_equals_torch() -> None:
    torch = pytest.importorskip("torch")
    for size, stride, dilation in GEOMETRIES:
        for length, width in itertools.product(range(1, 9), range(size // 2 + 1)):  # PyTorch allows half the size
            steps = windows.output_length(length, size, stride, width, dilation, ceil_mode=True)
            if steps:
                x = torch.zeros(1, 1, length)
                y = torch.nn.functional.max_pool1d(x, size, stride, width, dilation, ceil_mode=True)
                assert steps == y.shape[-1], (length, size, stride, width, dilation)


def test_windows_reads_one_value_for_all_axes_or_one_each() -> None:
    window = windows.Window
    assert windows.windows((3, 2)) == (window(3), window(2))
    same = (window(3, 2, 1, (1, 1), True), window(4, 1, 3, (4, 5), True))
    assert windows.windows((3, 4), (2, 1), "SAME", [1, 3], ceil_mode=True) == same
    assert windows.windows((3, 2), 2, 1, 2) == (window(3, 2, 2, (1, 1)), window(2, 2, 2, (1, 1)))
    assert [w.reach for w in same] == [3, 10]
    assert windows.output_lengths([7, None], same) == [4, None]
    new = windows.output_lengths([LENGTHS, WIDTHS], windows.windows((3, 2), (2, 1), (1, 0)))
    np.testing.assert_array_equal(new, [[2, 2, 1, 0], [1, 2, 0, 1]])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel_size": (3, 0)}, r"kernel_size is \(3, 0\); allowed: an int >= 1, or a sequence of 2"),
        ({"kernel_size": (3, 2), "strides": 0}, "strides is 0; allowed: an int >= 1, or a sequence of 2"),
        (
            {"kernel_size": (3, 2), "strides": (1, 2, 1)},
            r"strides is \(1, 2, 1\); allowed: an int >= 1, or a sequence of 2",
        ),
        ({"kernel_size": (3,), "dilation": -1}, "dilation is -1; allowed: an int >= 1, or a sequence of 1"),
        ({"kernel_size": (3,), "dilation": 1.5}, "dilation is 1.5; allowed: an int >= 1, or a sequence of 1"),
        ({"kernel_size": (3,), "padding": "REFLECT"}, "padding is 'REFLECT'; allowed: VALID, SAME, CAUSAL, an int"),
    ],
)
def test_windows_refuses_what_is_no_window(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        windows.windows(**options)


def test_pad_widths_reads_every_notation() -> None:
    widths = windows.pad_widths
    assert widths("VALID", (3, 2), (1, 1)) == ((0, 0), (0, 0))
    assert widths("SAME", (4, 3), (1, 2)) == ((1, 2), (2, 2)), "(reach - 1) // 2 on the left"
    assert widths("CAUSAL", (4, 4), (2, 1)) == ((6, 0), (1, 2)), "causal in the first axis alone"
    assert widths("REFLECT", (4, 3), (1, 2), EVERY_WORD) == widths("CIRCULAR", (4, 3), (1, 2), EVERY_WORD)
    assert widths("REFLECT", (4, 3), (1, 2), EVERY_WORD) == ((1, 2), (2, 2))
    assert widths(2, (3, 3), (1, 1)) == ((2, 2), (2, 2))
    assert widths((1, (0, 2)), (3, 3), (1, 1)) == ((1, 1), (0, 2))
    assert widths([[1, 0], 3], (3, 3), (1, 1)) == ((1, 0), (3, 3))


@pytest.mark.parametrize(
    "padding", ["same", "REFLECT", "", -1, 1.5, None, (1, 2), (), ((1, 2, 3),), ((1, -1),), ((1.0, 2.0),), ((1,),)]
)
def test_pad_widths_refuses_what_is_no_padding(padding: object) -> None:
    with pytest.raises(ValueError, match=r"padding is .*; allowed: VALID, SAME, CAUSAL, an int >= 0"):
        windows.pad_widths(padding, (3,), (1,))  # type: ignore[arg-type]


def test_check_fit_counts_the_padding() -> None:
    over = windows.windows((3, 2), padding=((1, 0), 0), dilation=(2, 1))
    windows.check_fit((4, 2), over)
    with pytest.raises(ValueError, match=r"window of 3 with dilation 2 spans 5 places; .* 0 of .* has 3, .* adds 1"):
        windows.check_fit((3, 2), over)
    with pytest.raises(ValueError, match=r"window of 2 with dilation 1 spans 2 places; .* 1 of .* has 1, .* adds 0"):
        windows.check_fit((4, 1), over)


def test_check_fit_refuses_an_empty_axis_however_much_padding() -> None:
    with pytest.raises(ValueError, match="spatial axis 0 of the input has 0, and padding adds 8"):
        windows.check_fit((0,), windows.windows((3,), padding=4))


def test_spatial_lengths_and_join_lengths_are_inverse() -> None:
    per_axis = np.stack([LENGTHS, WIDTHS], axis=-1)
    assert windows.spatial_lengths(None, (4,), (4, 3)) == [None, None]
    assert windows.join_lengths([None, None], None) is None
    cases: list[tuple[Any, tuple[int, ...], tuple[int, ...]]] = [
        (LENGTHS, (4,), (4,)),
        (LENGTHS, (4,), (4, 3)),
        (per_axis, (4,), (4, 3)),
        (LENGTHS[:, None], (4,), (4,)),
        (per_axis.reshape(2, 2, 2), (2, 2), (4, 3)),
        (LENGTHS.reshape(2, 2), (2, 2), (4, 3)),
        (jnp.asarray(per_axis), (4,), (4, 3)),
        (np.int32(3), (), (4, 3)),
        (per_axis[1], (), (4, 3)),
    ]
    for lengths, batch_shape, sizes in cases:
        split = windows.spatial_lengths(lengths, batch_shape, sizes)
        assert [None if s is None else np.shape(s) for s in split][:1] == [batch_shape]
        assert len(split) == len(sizes)
        np.testing.assert_array_equal(windows.join_lengths(split, lengths), lengths)
    rows, columns = windows.spatial_lengths(per_axis, (4,), (4, 3))
    np.testing.assert_array_equal(rows, LENGTHS)
    np.testing.assert_array_equal(columns, WIDTHS)


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        (LENGTHS[:2], r"lengths have shape \(2,\); allowed: \(4,\), one per row, or \(4, 2\), one per row and"),
        (np.ones((4, 3), np.int32), r"lengths have shape \(4, 3\); allowed: \(4,\), one per row, or \(4, 2\)"),
        (LENGTHS + 1, r"lengths reach from 1 to 5; allowed: 0 to 4"),
        (LENGTHS - 1, r"lengths reach from -1 to 3; allowed: 0 to 4"),
        (np.stack([LENGTHS, WIDTHS + 1], axis=-1), r"lengths reach from 2 to 4; allowed: 0 to 3"),
    ],
)
def test_spatial_lengths_refuses_what_describes_no_row(lengths: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        windows.spatial_lengths(lengths, (4,), (4, 3))


def test_spatial_lengths_looks_at_traced_values_under_checkified_alone() -> None:
    def split(lengths: jax.Array) -> Any:
        return windows.spatial_lengths(lengths, (4,), (4, 3))[0]

    wrong = jnp.asarray(LENGTHS + 1)
    np.testing.assert_array_equal(jax.jit(split)(wrong), wrong)
    checked = masking.checkified(jax.jit(split))
    with pytest.raises(ValueError, match=r"lengths reach from 1 to 5; allowed: 0 to 4"):
        checked(wrong)[0].throw()
    checked(jnp.asarray(LENGTHS))[0].throw()


def test_mask_spatial_fills_past_every_length() -> None:
    x = np.random.default_rng(0).normal(size=(4, 4, 3, 2)).astype(np.float32)
    rows, both = x.copy(), x.copy()
    for row in range(4):
        rows[row, LENGTHS[row] :] = 0
        both[row, LENGTHS[row] :] = -7
        both[row, :, WIDTHS[row] :] = -7
    np.testing.assert_array_equal(windows.mask_spatial(x, [LENGTHS, None]), rows)
    np.testing.assert_array_equal(windows.mask_spatial(x, [LENGTHS, WIDTHS], -7), both)
    assert windows.mask_spatial(x, [None, None]) is x


@pytest.mark.parametrize(("boundary", "mode"), [("REFLECT", "reflect"), ("CIRCULAR", "wrap")])
@pytest.mark.parametrize("known", [(False, False), (True, False), (True, True)], ids=["full", "rows", "both"])
def test_extend_equals_numpy_on_every_row_alone(boundary: str, mode: Any, known: tuple[bool, bool]) -> None:
    """Rows of 4, 3, 1 and 0 steps, and of 2, 3, 1 and 2 columns, all extended by more than they have."""
    x = np.random.default_rng(1).normal(size=(4, 4, 3, 2)).astype(np.float32)
    widths = ((5, 7), (4, 3))
    lengths = [length if is_known else None for length, is_known in zip((LENGTHS, WIDTHS), known, strict=True)]
    masked = windows.mask_spatial(x, lengths)
    y = np.asarray(windows.extend(masked, lengths, widths, boundary))
    assert y.shape == (4, 16, 10, 2)
    for row in range(4):
        height, width = LENGTHS[row] if known[0] else 4, WIDTHS[row] if known[1] else 3
        if not height:
            np.testing.assert_array_equal(y[row], 0)
            continue
        expected = np.pad(x[row, :height, :width], (*widths, (0, 0)), mode=mode)
        np.testing.assert_array_equal(y[row, : height + 12, : width + 7], expected)


def test_extend_takes_several_batch_axes() -> None:
    x = np.random.default_rng(2).normal(size=(2, 2, 4, 3, 2)).astype(np.float32)
    lengths = [LENGTHS.reshape(2, 2), WIDTHS.reshape(2, 2)]
    widths = ((1, 2), (2, 0))
    folded = windows.extend(windows.mask_spatial(x, lengths), lengths, widths, "REFLECT")
    flat = x.reshape(4, 4, 3, 2)
    expected = windows.extend(windows.mask_spatial(flat, [LENGTHS, WIDTHS]), [LENGTHS, WIDTHS], widths, "REFLECT")
    np.testing.assert_array_equal(folded.reshape(expected.shape), expected)


def test_coverage_equals_a_double_loop() -> None:
    for (size, stride, dilation), ceil_mode in itertools.product(GEOMETRIES, (False, True)):
        for length, padding in itertools.product(range(8), ((0, 0), (1, 0), (2, 4))):
            window = windows.Window(size, stride, dilation, padding, ceil_mode)
            expected = [0] * length
            for start in (hanging_windows if ceil_mode else full_windows)(length, window):
                for tap in range(size):
                    if 0 <= start + tap * dilation < length:
                        expected[start + tap * dilation] += 1
            assert windows.coverage(length, window).tolist() == expected, (length, window)


def test_equal_coverage_padding_covers_every_step_equally_or_nothing_does() -> None:
    refused = 0
    for size, stride, dilation in itertools.product(range(1, 7), range(1, 5), range(1, 5)):
        try:
            padding = windows.equal_coverage_padding(size, stride, dilation)
        except ValueError:
            refused += 1
            most = (size - 1) * dilation + stride
            # Some padding may do it for one length, as any does for length 1; none does it for all.
            for sides in itertools.product(range(most + 1), repeat=2):
                window = windows.Window(size, stride, dilation, sides)
                seen = (windows.coverage(length, window) for length in range(1, 2 * most + 4))
                assert any(counts.min() == 0 or np.ptp(counts) for counts in seen), (window, "covers equally")
        else:
            window = windows.Window(size, stride, dilation, padding)
            for length in range(1, 15):
                assert windows.coverage(length, window).tolist() == [size // stride] * length, (length, window)
    assert refused == 58
    with pytest.raises(ValueError, match="stride is 2 for a window of 3 with dilation 1; allowed for"):
        windows.equal_coverage_padding(3, 2)
    with pytest.raises(ValueError, match="strides is 0; allowed: an int >= 1"):
        windows.equal_coverage_padding(3, 0)


def test_equal_coverage_padding_of_stride_1_is_the_least_that_does_it() -> None:
    for size, dilation in [(3, 1), (3, 2), (4, 1), (2, 3)]:
        left, right = windows.equal_coverage_padding(size, 1, dilation)
        for sides in ((left - 1, right), (left, right - 1)):
            window = windows.Window(size, 1, dilation, sides)
            assert any(np.ptp(windows.coverage(length, window)) for length in range(1, 15)), window


@pytest.mark.parametrize("seed", range(20))
def test_receptive_field_equals_following_the_windows_down(seed: int) -> None:
    generator = np.random.default_rng(seed)
    drawn = generator.integers((1, 1, 1, 0, 0), (5, 4, 4, 4, 4), (1 + seed % 4, 5)).tolist()
    stack = [windows.Window(size, stride, dilation, (left, right)) for size, stride, dilation, left, right in drawn]
    field = windows.receptive_field(stack)
    for output in range(3):
        seen = {output}
        for window in reversed(stack):
            seen = {
                place * window.stride + tap * window.dilation - window.padding[0]
                for place in seen
                for tap in range(window.size)
            }
        first = field.start + output * field.stride
        assert (min(seen), max(seen)) == (first, first + field.size - 1), stack


def test_receptive_field_of_nothing_is_the_step_itself() -> None:
    assert windows.receptive_field([]) == windows.ReceptiveField(size=1, stride=1, start=0)
