"""Whole networks, and the table ``MODELS``: one file and one row per family.

A model is a Linen module whose fields are the schema of ``config.model``. It maps ``(inputs, lengths_B)`` to outputs;
a model that also has ``initial_carry`` reads streams, and maps ``(inputs, lengths_B, carry)`` to (outputs, carry).
A causal one has ``step``, ``(carry, inputs of one step) -> (outputs, carry)``; without ``initial_carry`` from None on.
Outputs are ``[B, K]`` where there is one per sequence or image, ``[B, T, K]`` where there is one per step, or a dict of
such arrays. Fields that a data set knows (``vocabulary_size``, ``num_outputs``, ``sample_rate``) are filled in from it.
"""

from collections.abc import Callable, Mapping

import flax.linen as nn

from sequence_lab.models.audio import AudioCNN, AudioCRNN, AudioTagger
from sequence_lab.models.convolutional import ConvNet2D
from sequence_lab.models.convolutional_language import ConvolutionalLanguageModel, TemporalConvLanguageModel
from sequence_lab.models.dna import DNAConvNet
from sequence_lab.models.language import RecurrentLanguageModel
from sequence_lab.models.lenet import LeNet
from sequence_lab.models.recurrent import RecurrentClassifier, RecurrentTagger
from sequence_lab.models.resnet import ImageNetResNet, ResNet
from sequence_lab.models.sensors import ConvNet1D, DeepConvLSTM
from sequence_lab.models.sentence import BagOfWords, DynamicKMaxNetwork, SentenceCNN
from sequence_lab.models.sequence_to_sequence import SequenceToSequence
from sequence_lab.models.temporal_convolution import TemporalConvClassifier, TemporalConvTagger
from sequence_lab.models.vgg import VGG

MODELS: Mapping[str, Callable[..., nn.Module]] = {
    "audio_cnn": AudioCNN,
    "audio_crnn": AudioCRNN,
    "audio_tagger": AudioTagger,
    "bag_of_words": BagOfWords,
    "conv_net_1d": ConvNet1D,
    "conv_net_2d": ConvNet2D,
    "convolutional_language_model": ConvolutionalLanguageModel,
    "deep_conv_lstm": DeepConvLSTM,
    "dna_conv_net": DNAConvNet,
    "dynamic_k_max_network": DynamicKMaxNetwork,
    "imagenet_resnet": ImageNetResNet,
    "lenet": LeNet,
    "recurrent_classifier": RecurrentClassifier,
    "recurrent_language_model": RecurrentLanguageModel,
    "recurrent_tagger": RecurrentTagger,
    "resnet": ResNet,
    "sentence_cnn": SentenceCNN,
    "sequence_to_sequence": SequenceToSequence,
    "temporal_conv_classifier": TemporalConvClassifier,
    "temporal_conv_language_model": TemporalConvLanguageModel,
    "temporal_conv_tagger": TemporalConvTagger,
    "vgg": VGG,
}
