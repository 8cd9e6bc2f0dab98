from . import activation, container, conv, linear, module, normalization, rnn
from .container import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from .module import Module

# torch spreads its layers over more files; these are the names that code imports from.
FILES = {"batchnorm": normalization, "dropout": linear, "flatten": linear, "loss": activation, "padding": linear,
         "pooling": conv, "sparse": linear, "upsampling": linear, "pixelshuffle": linear, "instancenorm": normalization,
         "utils": conv}
CLASSES = {}
for _file in (activation, container, conv, linear, normalization, rnn):
    CLASSES |= {name: value for name, value in vars(_file).items()
                if isinstance(value, type) and issubclass(value, Module) and value is not Module}
CLASSES |= activation.LOSSES
globals().update(CLASSES)
__all__ = ["Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential", *CLASSES]
