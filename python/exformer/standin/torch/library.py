"""torch.library: custom ops run as the Python that implements them, so that their parts are traced."""

_OPS = {}


class CustomOpDef:
    def __init__(self, name, function):
        self.name, self.function = name, function
        _OPS[name] = self

    def __call__(self, *args, **kwargs):
        return self.function(*args, **kwargs)

    @property
    def default(self):
        return self

    def register_fake(self, function=None, **kwargs):
        return function if function is not None else lambda fake: fake

    register_autograd = register_kernel = register_vmap = register_torch_dispatch = register_fake


def custom_op(name, fn=None, /, *, mutates_args=(), device_types=None, schema=None, tags=None):
    def define(function):
        return CustomOpDef(name, function)

    return define(fn) if fn is not None else define


def register_fake(op, func=None, /, **kwargs):
    return func if func is not None else lambda function: function


register_autograd = register_kernel = register_vmap = impl = impl_abstract = register_fake
triton_op = custom_op


def wrap_triton(kernel):
    return kernel


def define(*args, **kwargs):
    return lambda function: function


class Library:
    def __init__(self, namespace, kind="DEF", dispatch_key=""):
        self.namespace = namespace

    def define(self, schema, *args, **kwargs):
        return schema.partition("(")[0]

    def impl(self, name, function=None, *args, **kwargs):
        CustomOpDef(f"{self.namespace}::{name}", function)
        return function


def opaque_object(*args, **kwargs):
    raise NotImplementedError("opaque objects")
