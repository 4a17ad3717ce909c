"""Systems of the experiments as one writes them with Flax and Optax alone, to see how much an experiment's file spares.

No speed is measured of them.
"""
