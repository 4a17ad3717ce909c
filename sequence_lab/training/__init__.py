"""Training: objectives, optimizer, the pure step and how it is compiled, checkpoints, records, the loop.

Nothing here knows a model or a data set: a step receives an ``apply`` function, the loop an iterator of batches.
"""
