"""nn.Module: parameters, buffers and children by name, hooks, state dicts."""

from collections import OrderedDict, namedtuple

from ... import _state
from ..parameter import Buffer, Parameter

_EXTRA_STATE_KEY_SUFFIX = "_extra_state"
_IncompatibleKeys = namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])


class RemovableHandle:
    def __init__(self, hooks, key):
        self.hooks, self.id = hooks, key

    def remove(self):
        self.hooks.pop(self.id, None)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.remove()


class Module:
    training = True
    call_super_init = False
    dump_patches = False
    _version = 1

    def __init__(self, *args, **kwargs):
        set_ = super().__setattr__
        set_("training", True)
        for name in ("_parameters", "_buffers", "_modules"):
            set_(name, {})
        set_("_non_persistent_buffers_set", set())
        for name in ("_forward_hooks", "_forward_pre_hooks", "_forward_hooks_with_kwargs",
                     "_forward_pre_hooks_with_kwargs", "_backward_hooks", "_backward_pre_hooks", "_state_dict_hooks",
                     "_state_dict_pre_hooks", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks",
                     "_forward_hooks_always_called"):
            set_(name, OrderedDict())

    # ---- attributes
    def __setattr__(self, name, value):
        own = self.__dict__
        if isinstance(value, Parameter):
            if "_parameters" not in own:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            self._forget(name)
            self.register_parameter(name, value)
        elif isinstance(value, Module):
            if "_modules" not in own:
                raise AttributeError("cannot assign module before Module.__init__() call")
            self._forget(name)
            own["_modules"][name] = value
        elif isinstance(value, Buffer):
            self.register_buffer(name, value, value.persistent)
        elif name in own.get("_parameters", ()):
            if value is not None:
                raise TypeError(f"cannot assign '{type(value)}' as parameter '{name}' (nn.Parameter or None expected)")
            own["_parameters"][name] = None
        elif name in own.get("_modules", ()):
            own["_modules"][name] = value
        elif name in own.get("_buffers", ()):
            own["_buffers"][name] = value
        else:
            super().__setattr__(name, value)

    def _forget(self, name):
        for store in (self.__dict__, self._parameters, self._buffers, self._modules):
            store.pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    def __getattr__(self, name):
        own = self.__dict__
        for store in ("_parameters", "_buffers", "_modules"):
            if store in own and name in own[store]:
                return own[store][name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __delattr__(self, name):
        for store in (self._parameters, self._buffers, self._modules):
            if name in store:
                del store[name]
                return
        super().__delattr__(name)

    def __dir__(self):
        return sorted({*dir(type(self)), *self.__dict__, *self._parameters, *self._buffers, *self._modules})

    def register_buffer(self, name, tensor, persistent=True):
        if "_buffers" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        self._forget(name)
        self._buffers[name] = tensor
        if not persistent:
            self._non_persistent_buffers_set.add(name)

    def register_parameter(self, name, param):
        self._forget(name)
        self._parameters[name] = param

    def add_module(self, name, module):
        self._modules[name] = module

    register_module = add_module

    # ---- calls
    def forward(self, *args, **kwargs):
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def __call__(self, *args, **kwargs):
        for key, hook in list(self._forward_pre_hooks.items()):
            if key in self._forward_pre_hooks_with_kwargs:
                result = hook(self, args, kwargs)
                if result is not None:
                    args, kwargs = result
            else:
                result = hook(self, args)
                if result is not None:
                    args = result if isinstance(result, tuple) else (result,)
        path = self.__dict__.get("_path")
        if path:
            _state.core.enter_module(path)
        try:
            output = self.forward(*args, **kwargs)
        finally:
            if path:
                _state.core.leave_module()
        for key, hook in list(self._forward_hooks.items()):
            with_kwargs = key in self._forward_hooks_with_kwargs
            result = hook(self, args, kwargs, output) if with_kwargs else hook(self, args, output)
            if result is not None:
                output = result
        return output

    _call_impl = __call__

    def _register(self, hooks, hook, marks=None, prepend=False):
        key = object()
        hooks[key] = hook
        if prepend:
            hooks.move_to_end(key, last=False)
        if marks is not None:
            marks[key] = True
        return RemovableHandle(hooks, key)

    def register_forward_hook(self, hook, *, prepend=False, with_kwargs=False, always_call=False):
        return self._register(self._forward_hooks, hook, self._forward_hooks_with_kwargs if with_kwargs else None,
                              prepend)

    def register_forward_pre_hook(self, hook, *, prepend=False, with_kwargs=False):
        return self._register(self._forward_pre_hooks, hook,
                              self._forward_pre_hooks_with_kwargs if with_kwargs else None, prepend)

    def register_full_backward_hook(self, hook, prepend=False):
        return self._register(self._backward_hooks, hook)

    register_backward_hook = register_full_backward_pre_hook = register_full_backward_hook

    def register_state_dict_pre_hook(self, hook):
        return self._register(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook):
        return self._register(self._state_dict_hooks, hook)

    _register_state_dict_hook = register_state_dict_post_hook

    def register_load_state_dict_pre_hook(self, hook):
        return self._register(self._load_state_dict_pre_hooks, hook)

    def _register_load_state_dict_pre_hook(self, hook, with_module=False):
        return self._register(self._load_state_dict_pre_hooks, hook)

    def register_load_state_dict_post_hook(self, hook):
        return self._register(self._load_state_dict_post_hooks, hook)

    # ---- walking
    def named_modules(self, memo=None, prefix="", remove_duplicate=True):
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(memo, prefix + ("." if prefix else "") + name, remove_duplicate)

    def modules(self):
        for _, module in self.named_modules():
            yield module

    def named_children(self):
        memo = set()
        for name, module in self._modules.items():
            if module is not None and module not in memo:
                memo.add(module)
                yield name, module

    def children(self):
        for _, module in self.named_children():
            yield module

    def _named_members(self, get_members, prefix="", recurse=True, remove_duplicate=True):
        memo = set()
        modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate) if recurse else [(prefix, self)]
        for module_prefix, module in modules:
            for name, value in get_members(module):
                if value is None or id(value) in memo:
                    continue
                if remove_duplicate:
                    memo.add(id(value))
                yield module_prefix + ("." if module_prefix else "") + name, value

    def named_parameters(self, prefix="", recurse=True, remove_duplicate=True):
        return self._named_members(lambda module: module._parameters.items(), prefix, recurse, remove_duplicate)

    def parameters(self, recurse=True):
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(self, prefix="", recurse=True, remove_duplicate=True):
        return self._named_members(lambda module: module._buffers.items(), prefix, recurse, remove_duplicate)

    def buffers(self, recurse=True):
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def get_submodule(self, target):
        module = self
        for name in target.split(".") if target else []:
            if not hasattr(module, name):
                raise AttributeError(f"{type(module).__name__} has no attribute `{name}`")
            module = getattr(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def set_submodule(self, target, module, strict=False):
        parent, _, name = target.rpartition(".")
        setattr(self.get_submodule(parent), name, module)

    def get_parameter(self, target):
        parent, _, name = target.rpartition(".")
        found = self.get_submodule(parent)._parameters
        if name not in found:
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return found[name]

    def get_buffer(self, target):
        parent, _, name = target.rpartition(".")
        found = self.get_submodule(parent)._buffers
        if name not in found:
            raise AttributeError(f"`{name}` is not a buffer")
        return found[name]

    def get_extra_state(self):
        raise RuntimeError("there is no extra state")

    # ---- state
    def state_dict(self, *args, destination=None, prefix="", keep_vars=False):
        destination = OrderedDict() if destination is None else destination
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        for name, parameter in self._parameters.items():
            if parameter is not None:
                destination[prefix + name] = parameter
        for name, buffer in self._buffers.items():
            if buffer is not None and name not in self._non_persistent_buffers_set:
                destination[prefix + name] = buffer
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=prefix + name + ".", keep_vars=keep_vars)
        for hook in self._state_dict_hooks.values():
            hook(self, destination, prefix, {})
        return destination

    def load_state_dict(self, state_dict, strict=True, assign=False):
        own = self.state_dict()
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        if strict and (missing or unexpected):
            raise RuntimeError(f"Error(s) in loading state_dict: missing {missing}, unexpected {unexpected}")
        for name, value in state_dict.items():
            if name in own:
                own[name]._rebind(value)
        return _IncompatibleKeys(missing, unexpected)

    def apply(self, fn):
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def _apply(self, fn, recurse=True):
        for module in self.modules():
            for store in (module._parameters, module._buffers):
                for name, value in store.items():
                    if value is None:
                        continue
                    result = fn(value)
                    if result is not value:
                        store[name] = Parameter(result, value.requires_grad) if store is module._parameters else result
        return self

    def to(self, *args, **kwargs):
        def convert(tensor):
            dtype = kwargs.get("dtype")
            for value in args:
                if hasattr(value, "is_floating_point") and not callable(value.is_floating_point):
                    dtype = value
            return tensor.to(dtype) if dtype is not None and tensor.is_floating_point() else tensor

        return self._apply(convert)

    def type(self, dst_type):
        return self._apply(lambda tensor: tensor.to(dst_type))

    def float(self):
        return self._apply(lambda tensor: tensor.float() if tensor.is_floating_point() else tensor)

    def half(self):
        return self._apply(lambda tensor: tensor.half() if tensor.is_floating_point() else tensor)

    def bfloat16(self):
        return self._apply(lambda tensor: tensor.bfloat16() if tensor.is_floating_point() else tensor)

    def double(self):
        return self._apply(lambda tensor: tensor.double() if tensor.is_floating_point() else tensor)

    def cpu(self, *args, **kwargs):
        return self

    cuda = to_empty = share_memory = compile = cpu

    def train(self, mode=True):
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self):
        return self.train(False)

    def requires_grad_(self, requires_grad=True):
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none=True):
        pass

    def extra_repr(self):
        return ""

    def _get_name(self):
        return type(self).__name__

    def __repr__(self):
        return f"{self._get_name()}({self.extra_repr()})"
