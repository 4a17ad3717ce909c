"""Generated tasks, one file a paper: the table ``GENERATED``, all of whose rows are rows of ``DATASETS``.

Each function says what its examples look like and what the best does that remembers nothing.
"""

from collections.abc import Callable, Mapping

from sequence_lab.data.generated.arjovsky2016 import copy_memory
from sequence_lab.data.generated.bengio1994 import latch, two_sequence
from sequence_lab.data.generated.gers2000 import spike_intervals, timed_spikes
from sequence_lab.data.generated.hochreiter1997 import (
    adding_1997,
    multiplication,
    noise_and_signal,
    noise_free_lag,
    noisy_targets,
    random_lag,
    temporal_order_1997,
)
from sequence_lab.data.generated.jozefowicz2015 import arithmetic, xml
from sequence_lab.data.generated.le2015 import adding
from sequence_lab.data.generated.martens2011 import memorisation, random_permutation
from sequence_lab.data.generated.pascanu2013 import temporal_order
from sequence_lab.data.generated.reber import continual_reber, embedded_reber
from sequence_lab.data.generated.rumelhart1986 import parity, sequence_completion, shift_register
from sequence_lab.data.splits import Dataset

GENERATED: Mapping[str, Callable[..., Dataset]] = {
    "adding": adding,
    "adding_1997": adding_1997,
    "arithmetic": arithmetic,
    "continual_reber": continual_reber,
    "copy_memory": copy_memory,
    "embedded_reber": embedded_reber,
    "latch": latch,
    "memorisation": memorisation,
    "multiplication": multiplication,
    "noise_and_signal": noise_and_signal,
    "noise_free_lag": noise_free_lag,
    "noisy_targets": noisy_targets,
    "parity": parity,
    "random_lag": random_lag,
    "random_permutation": random_permutation,
    "sequence_completion": sequence_completion,
    "shift_register": shift_register,
    "spike_intervals": spike_intervals,
    "temporal_order": temporal_order,
    "temporal_order_1997": temporal_order_1997,
    "timed_spikes": timed_spikes,
    "two_sequence": two_sequence,
    "xml": xml,
}
