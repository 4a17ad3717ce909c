"""Pure array functions: no parameters, no modules, no state. Needs JAX alone."""
