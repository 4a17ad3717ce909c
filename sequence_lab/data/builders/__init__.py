"""Builders of TensorFlow Datasets for sets that its catalogue lacks, or prepares only with TensorFlow.

``BUILDERS`` has, by the name of a set, the module of this package and the class that prepares it: TFDS takes a second
to import, for those who use it.
"""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CATALOGUE = "tfds:"
BUILDERS: Mapping[str, str] = {
    "ami_excerpts": "audio.AmiExcerpts",
    "cifar10": "images.Cifar10",
    "cifar10_first4000": "images.Cifar10First4000",
    "dna_enhancers": "dna.DnaEnhancers",
    "imdb": "reviews.Imdb",
    "jsb_chorales": "music.JsbChorales",
    "mnist": "images.Mnist",
    "music_speech": "audio.MusicSpeech",
    "musedata": "music.MuseData",
    "nottingham": "music.Nottingham",
    "piano_midi": "music.PianoMidi",
    "ptb": "language.Ptb",
    "rt_polarity": "reviews.RtPolarity",
    "spoken_digits": "audio.SpokenDigits",
    "sst2": "reviews.Sst2",
    "sst2_phrases": "reviews.Sst2Phrases",
    "sst5": "reviews.Sst5",
    "uci_hapt": "sensors.UciHapt",
    "uci_har": "sensors.UciHar",
    "wikitext2": "language.Wikitext2",
}


def builder_class(name: str) -> Any:
    module, kind = BUILDERS[name].split(".")
    return getattr(importlib.import_module(f"{__name__}.{module}"), kind)


def builder(name: str, data_dir: str) -> Any:
    """The TFDS builder of that set, or for tfds:NAME of one in its catalogue, for record files under ``data_dir``.

    Raises:
      ValueError: the catalogue has no such set, or what is there of it already cannot be read.
    """
    if not name.startswith(CATALOGUE):
        kind = builder_class(name)
        try:
            return kind(data_dir=data_dir, file_format="array_record")
        except Exception as error:  # of several libraries, which read what was prepared
            said = str(error).partition("\n")[0]
            raise ValueError(
                f"{Path(data_dir) / name} is damaged: {type(error).__name__}: {said}; allowed: to take it away, and to "
                "prepare it anew"
            ) from error
    import tensorflow_datasets as tfds  # a second to import, for those who use it

    try:
        return tfds.builder(name.removeprefix(CATALOGUE), data_dir=data_dir, file_format="array_record")
    except (tfds.core.registered.DatasetNotFoundError, ValueError) as error:
        raise ValueError(f"{name}: {str(error).splitlines()[0]}; allowed: a set of TFDS's catalogue") from error
