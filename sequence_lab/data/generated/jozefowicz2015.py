"""Texts of Jozefowicz, Zaremba and Sutskever (2015): arithmetic between letters that do not matter, and XML."""

import string

import numpy as np

from sequence_lab.data.generated.drawing import at_least, drawn
from sequence_lab.data.splits import Arrays, Dataset, Draw
from sequence_lab.data.vocabulary import Vocabulary

LETTERS = "abcdefghijkl"  # of arithmetic: they do not matter
MOST_ACTIONS = 50  # that open and close the tags of a document


def arithmetic(digits: int = 3, num_train: int = 0, num_test: int = 1_000, seed: int = 0) -> Dataset:
    """Sums and differences, digit by digit: ``3e36d9-h1h39f94eeh43keg3c=-13991064.`` (Jozefowicz et al. 2015).

    Before each digit or sign of the task stand up to two letters that do not matter. Inputs ``[7 * digits + 6]``: ids
    of a vocabulary; labels at every step: the next character; the mask is 1 from the first character of the result to
    the full stop, for nothing else can be known; ``lengths``. Always the most frequent character, the full stop, is
    right in 27 % of these steps at 3 digits.

    Args:
      digits: most of each number; every number of them is as likely.
    """
    at_least(1, digits=digits)
    if digits > 18:
        raise ValueError(f"dataset.digits is {digits}; allowed: at most 18, numbers below 2^63")
    longest = 3 * (2 * digits + 1) + digits + 4  # with the equals sign, a sign, a digit more and the full stop
    vocabulary = Vocabulary.of(string.digits + "+-=." + LETTERS)

    def line(random: np.random.Generator) -> tuple[str, int]:
        """The text, and where the result begins."""
        first, second = (
            int(random.integers(10 ** (count - 1) if count > 1 else 0, 10**count))
            for count in random.integers(1, digits + 1, 2)
        )
        sign = "+-"[random.integers(2)]
        told = f"{first}{sign}{second}"
        letters = random.integers(len(LETTERS), size=(len(told), 2))
        counts = random.integers(3, size=len(told))
        parts = [
            "".join(LETTERS[i] for i in some[:count]) + character
            for character, some, count in zip(told, letters, counts, strict=True)
        ]
        task = "".join(parts) + "="
        return f"{task}{first + second if sign == '+' else first - second}.", len(task)

    def draw(random: np.random.Generator, size: int) -> Arrays:
        inputs, labels = np.zeros((2, size, longest - 1), np.int32)
        mask, lengths = np.zeros((size, longest - 1), np.float32), np.zeros(size, np.int32)
        for row in range(size):
            text, begin = line(random)
            ids, steps = vocabulary.encode(text), len(text) - 1
            inputs[row, :steps], labels[row, :steps] = ids[:-1], ids[1:]
            mask[row, begin - 1 : steps], lengths[row] = 1, steps
        return {"inputs": inputs, "labels": labels, "mask": mask, "lengths": lengths}

    return _text(draw, vocabulary, num_train, num_test, seed)


def xml(length: int = 100, literal: bool = False, num_train: int = 0, num_test: int = 500, seed: int = 0) -> Dataset:
    """Tags of 2 to 10 letters that open and close as in XML: ``<etdomp><pegshmnaj></pegshmnaj></etdomp>``.

    At each point a document opens a tag or closes its last one, each with probability 1/2, until none is open; after
    50 such it only closes (Jozefowicz et al. 2015). Document follows document, line by line, from the start of one;
    inputs ``[length]``: ids of a vocabulary; labels at every step: the next character. Always the most frequent
    character, "<" or ">", is right in 12 % of the steps.

    Args:
      length: steps of an example.
      literal: a document may close before anything is open, as the paper has it, and half of them are empty; False:
        each opens a tag first.
    """
    at_least(1, length=length)
    vocabulary = Vocabulary.of(string.ascii_lowercase + "<>/\n")

    def document(random: np.random.Generator) -> str:
        found, opened = "", list[str]()
        for action in range(MOST_ACTIONS):
            opens = (action == 0 and not literal) or random.random() < 0.5
            if opens:
                name = "".join(string.ascii_lowercase[i] for i in random.integers(26, size=random.integers(2, 11)))
                opened.append(name)
                found += f"<{name}>"
            elif opened:
                found += f"</{opened.pop()}>"
            if not opened:
                break
        return found + "".join(f"</{name}>" for name in reversed(opened)) + "\n"

    def draw(random: np.random.Generator, size: int) -> Arrays:
        rows = np.zeros((size, length + 1), np.int32)
        for row in rows:
            text = ""
            while len(text) <= length:
                text += document(random)
            row[:] = vocabulary.encode(text[: length + 1])
        return {"inputs": rows[:, :-1], "labels": rows[:, 1:]}

    return _text(draw, vocabulary, num_train, num_test, seed)


def _text(draw: Draw, vocabulary: Vocabulary, num_train: int, num_test: int, seed: int) -> Dataset:
    facts = {"num_outputs": len(vocabulary), "vocabulary_size": len(vocabulary)}
    return drawn(draw, facts, num_train, num_test, seed, vocabulary=vocabulary)
