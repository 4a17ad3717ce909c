"""Piano rolls as standard MIDI files."""

import struct

import numpy as np

from sequence_lab.data.piano_rolls import KEYS, LOWEST

TICKS = 120  # of a step
TEMPO = 500_000  # microseconds of a quarter note: 120 of them a minute
LOUDNESS = 80  # of every note: 1 to 127
NOTE_OFF, NOTE_ON, META = 0x80, 0x90, 0xFF
SET_TEMPO, END_OF_TRACK = 0x51, 0x2F


def standard_midi(roll_TK: np.ndarray, steps_per_quarter: int) -> bytes:
    """A standard MIDI file of format 0, one track, of the keys that sound in each step, ``[T, 88]`` of 0 and 1.

    A key that sounds in several steps on end is one note, held: a roll does not say whether it is struck anew. The
    track lasts T steps, whatever sounds last (Standard MIDI Files 1.0, 1988).

    Raises:
      ValueError: a roll of another shape or of other values, or fewer than one step to a quarter note.
    """
    if roll_TK.ndim != 2 or roll_TK.shape[1] != KEYS or not np.isin(roll_TK, (0, 1)).all():
        raise ValueError(f"a piano roll is {roll_TK.shape}; allowed: [T, {KEYS}] of 0 and 1")
    if steps_per_quarter < 1:
        raise ValueError(f"steps_per_quarter is {steps_per_quarter}; allowed: 1 or more")
    silence_1K = np.zeros((1, KEYS), np.int8)
    changes_TK = np.diff(np.concatenate([silence_1K, roll_TK.astype(np.int8), silence_1K]), axis=0)
    track, last = bytes((0, META, SET_TEMPO, 3)) + TEMPO.to_bytes(3, "big"), 0
    for step, key in np.argwhere(changes_TK):
        event = (NOTE_ON, LOWEST + key, LOUDNESS) if changes_TK[step, key] > 0 else (NOTE_OFF, LOWEST + key, 0)
        track += variable_length(TICKS * int(step - last)) + bytes(event)
        last = step
    track += variable_length(TICKS * int(len(roll_TK) - last)) + bytes((META, END_OF_TRACK, 0))
    header = struct.pack(">4sIHHH", b"MThd", 6, 0, 1, TICKS * steps_per_quarter)
    return header + struct.pack(">4sI", b"MTrk", len(track)) + track


def variable_length(value: int) -> bytes:
    """A number of 0 or more, 7 bits a byte, the highest first; bit 7 is set in all bytes but the last."""
    found = [value & 0x7F]
    while value := value >> 7:
        found.append(0x80 | value & 0x7F)
    return bytes(reversed(found))
