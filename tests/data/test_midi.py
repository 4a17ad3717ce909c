"""MIDI files are read back, by a parser that knows nothing of the writer, as the rolls that they were written from."""

import struct

import numpy as np
import pytest

from sequence_lab.data.midi import TICKS, standard_midi, variable_length


def parsed(data):
    """Division, and (tick, status, data bytes) of every event of the one track, with running status."""
    assert data[:4] == b"MThd"
    size, kind, tracks, division = struct.unpack(">IHHH", data[4:14])
    assert (size, kind, tracks) == (6, 0, 1)
    assert data[14:18] == b"MTrk"
    track = data[22:]
    assert len(track) == struct.unpack(">I", data[18:22])[0]
    events, place, tick, status = [], 0, 0, 0

    def quantity():
        nonlocal place
        value = 0
        while True:
            byte = track[place]
            place += 1
            value = value * 128 + byte % 128
            if byte < 128:
                return value

    while place < len(track):
        tick += quantity()
        if track[place] >= 128:
            status = track[place]
            place += 1
        if status == 255:
            kind = track[place]
            place += 1
            length = quantity()
            events.append((tick, status, kind, track[place : place + length]))
            place += length
        else:
            assert status in (0x80, 0x90)
            events.append((tick, status, track[place], track[place + 1]))
            place += 2
    return division, events


def roll_of(events, ticks):
    """Frames of keys, from note-ons and note-offs; the end of the track says how many there are."""
    assert events[-1][1:] == (255, 0x2F, b"")
    sounding, notes = {}, []
    for tick, status, key, loudness in events:
        if status == 0x90 and loudness > 0:
            assert key not in sounding
            sounding[key] = tick
        elif status != 255:
            notes.append((key, sounding.pop(key), tick))
    assert not sounding
    assert events[-1][0] % ticks == 0
    roll = np.zeros((events[-1][0] // ticks, 128), int)
    for key, start, end in notes:
        assert start % ticks == end % ticks == 0
        assert start < end
        roll[start // ticks : end // ticks, key] += 1
    return roll


@pytest.mark.parametrize(("steps", "share"), [(0, 0.0), (1, 0.5), (40, 0.05), (40, 0.9), (300, 0.0005)])
@pytest.mark.parametrize("steps_per_quarter", [1, 2, 4])
def test_a_roll_is_read_back_as_it_was(steps, share, steps_per_quarter):
    """Of the last one silences are longer than two bytes of ticks can say."""
    roll = (np.random.default_rng(steps).random((steps, 88)) < share).astype(np.uint8)
    division, events = parsed(standard_midi(roll, steps_per_quarter))
    assert events[0] == (0, 255, 0x51, (500_000).to_bytes(3, "big"))
    assert division == TICKS * steps_per_quarter
    found = roll_of(events, division // steps_per_quarter)
    np.testing.assert_array_equal(found[:, 21:109], roll)
    assert not found[:, :21].any()
    assert not found[:, 109:].any()


def test_a_key_that_goes_on_is_one_note():
    roll = np.zeros((6, 88), np.uint8)
    roll[1:4, 39] = roll[5, 39] = 1
    _, events = parsed(standard_midi(roll, 1))
    strokes = [(tick // TICKS, status, key) for tick, status, key, _ in events if status != 255]
    assert strokes == [(1, 0x90, 60), (4, 0x80, 60), (5, 0x90, 60), (6, 0x80, 60)]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0x00, "00"), (0x40, "40"), (0x7F, "7f"), (0x80, "8100"), (0x2000, "c000"), (0x3FFF, "ff7f"),
        (0x4000, "818000"), (0x1FFFFF, "ffff7f"), (0x200000, "81808000"), (0x0FFFFFFF, "ffffff7f"),
    ],
)  # fmt: skip
def test_quantities_are_those_of_the_standard(value, written):
    """The table in "Standard MIDI Files 1.0"."""
    assert variable_length(value).hex() == written


@pytest.mark.parametrize("roll", [np.zeros((3, 87)), np.full((3, 88), 2), np.zeros(88)])
def test_what_is_no_roll_is_refused(roll):
    with pytest.raises(ValueError, match=r"a piano roll is \(.*; allowed: \[T, 88\] of 0 and 1"):
        standard_midi(roll, 1)
    with pytest.raises(ValueError, match="steps_per_quarter is 0; allowed: 1 or more"):
        standard_midi(np.zeros((3, 88)), 0)
