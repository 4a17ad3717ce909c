"""sequence_lab: sequence learning in JAX and Flax, as pure functions composed by config files.

Array names end in their axes, everywhere in the package::

    B  batch              T  time               H W  height, width
    C  input channels     D  hidden features    V    vocabulary
    K  classes, outputs   G  gates              N    layers

so ``x_BTC`` is a batch of padded sequences and ``lengths_B`` says how many steps of each row are real.
"""

__version__ = "0.1.0"
