"""Data sets, and the table ``DATASETS``: functions whose arguments are the schema of ``config.dataset``."""

from collections.abc import Callable, Mapping

from sequence_lab.data.catalogue import catalogue
from sequence_lab.data.corpora import ptb, wikitext2
from sequence_lab.data.enhancers import dna_enhancers
from sequence_lab.data.flow_fields import flow_fields
from sequence_lab.data.generated import GENERATED
from sequence_lab.data.generated_pairs import date_formats, reverse, sort
from sequence_lab.data.images import cifar10, cifar10_first4000, digits, mnist
from sequence_lab.data.own.arrays import arrays
from sequence_lab.data.own.audio import audio_folder
from sequence_lab.data.own.columns import columns
from sequence_lab.data.own.fasta import fasta
from sequence_lab.data.own.images import image_folder
from sequence_lab.data.own.pairs import text_pairs
from sequence_lab.data.own.series import time_series
from sequence_lab.data.own.texts import text_file, text_folder, text_table
from sequence_lab.data.packing import Packed
from sequence_lab.data.piano_rolls import piano_rolls
from sequence_lab.data.pipeline import TrainingBatches
from sequence_lab.data.python_text import python_docs, stdlib_text
from sequence_lab.data.python_tokens import stdlib_tokens
from sequence_lab.data.ragged import Ragged
from sequence_lab.data.recordings import spoken_digits
from sequence_lab.data.reviews import imdb, rt_polarity, sst2, sst5
from sequence_lab.data.segmentation import ami_excerpts, music_speech
from sequence_lab.data.sensors import uci_hapt, uci_har
from sequence_lab.data.sequences import Batch, Sequences
from sequence_lab.data.share import Share
from sequence_lab.data.splits import Dataset, Examples, Generated, Stream
from sequence_lab.data.vocabulary import Vocabulary

__all__ = [
    "DATASETS", "Batch", "Dataset", "Examples", "Generated", "Packed", "Ragged", "Sequences", "Share",
    "Stream", "TrainingBatches", "Vocabulary", "characters",
]  # fmt: skip


def characters(texts: Mapping[str, str]) -> Dataset:
    """Texts by split, as streams of characters; the vocabulary is the training text's."""
    vocabulary = Vocabulary.of(texts["train"])
    streams = {split: Stream(vocabulary.encode(text)) for split, text in texts.items()}
    return Dataset(streams, facts={"vocabulary_size": len(vocabulary)}, vocabulary=vocabulary)


DATASETS: Mapping[str, Callable[..., Dataset]] = {
    **GENERATED,
    "ami_excerpts": ami_excerpts,
    "arrays": arrays,
    "audio_folder": audio_folder,
    "cifar10": cifar10,
    "cifar10_first4000": cifar10_first4000,
    "columns": columns,
    "date_formats": date_formats,
    "digits": digits,
    "dna_enhancers": dna_enhancers,
    "fasta": fasta,
    "flow_fields": flow_fields,
    "image_folder": image_folder,
    "imdb": imdb,
    "jsb_chorales": lambda: piano_rolls("jsb_chorales", steps_per_quarter=1),
    "mnist": mnist,
    "music_speech": music_speech,
    "musedata": lambda: piano_rolls("musedata", steps_per_quarter=2),
    "nottingham": lambda: piano_rolls("nottingham", steps_per_quarter=2),
    "piano_midi": lambda: piano_rolls("piano_midi", steps_per_quarter=2),
    "ptb": ptb,
    "python_docs": lambda: characters(python_docs()),
    "reverse": reverse,
    "rt_polarity": rt_polarity,
    "sort": sort,
    "spoken_digits": spoken_digits,
    "sst2": sst2,
    "sst5": sst5,
    "stdlib_text": lambda: characters(stdlib_text()),
    "stdlib_tokens": stdlib_tokens,
    "tfds": catalogue,
    "text_file": text_file,
    "text_folder": text_folder,
    "text_pairs": text_pairs,
    "text_table": text_table,
    "time_series": time_series,
    "uci_hapt": uci_hapt,
    "uci_har": uci_har,
    "wikitext2": wikitext2,
}
