"""Data sets, and the table ``DATASETS``: functions whose arguments are the schema of ``config.dataset``."""

from collections.abc import Callable, Mapping

from sequence_lab.data.digits import digits
from sequence_lab.data.pipeline import TrainingBatches
from sequence_lab.data.python_text import python_docs, stdlib_text
from sequence_lab.data.ragged import Ragged
from sequence_lab.data.sequences import Batch, Sequences
from sequence_lab.data.splits import Dataset, Examples, Stream
from sequence_lab.data.synthetic import adding, copy_memory, temporal_order
from sequence_lab.data.vocabulary import Vocabulary

__all__ = [
    "DATASETS", "Batch", "Dataset", "Examples", "Ragged", "Sequences", "Stream", "TrainingBatches", "Vocabulary",
    "characters",
]  # fmt: skip


def characters(texts: Mapping[str, str]) -> Dataset:
    """Texts by split, as streams of characters; the vocabulary is the training text's."""
    vocabulary = Vocabulary.of(texts["train"])
    streams = {split: Stream(vocabulary.encode(text)) for split, text in texts.items()}
    return Dataset(streams, facts={"vocabulary_size": len(vocabulary)}, vocabulary=vocabulary)


DATASETS: Mapping[str, Callable[..., Dataset]] = {
    "adding": adding,
    "copy_memory": copy_memory,
    "digits": digits,
    "python_docs": lambda: characters(python_docs()),
    "stdlib_text": lambda: characters(stdlib_text()),
    "temporal_order": temporal_order,
}
