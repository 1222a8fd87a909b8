"""The edges towards Azure: the only modules of the package that import ``azure``."""
