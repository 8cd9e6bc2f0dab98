"""Recurrent layers. An LSTM over a symbolic length is an op; other layers, and lengths that are known, are written out
step by step: the length of the sequence becomes part of the graph."""

import operator

from ... import _state
from ..._creation import empty, zeros
from ..._symbols import SymInt
from .. import functional as F
from ..parameter import Parameter
from .module import Module


def _lstm_step(gates, state):
    hidden, cell = state
    i, f, g, o = gates.chunk(4, -1)
    cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
    return o.sigmoid() * cell.tanh(), cell


class RNNBase(Module):
    gates = 1

    def __init__(self, input_size, hidden_size, num_layers=1, bias=True, batch_first=False, dropout=0.0,
                 bidirectional=False, proj_size=0, device=None, dtype=None, nonlinearity="tanh"):
        super().__init__()
        if proj_size:
            raise NotImplementedError("recurrent layers with a projection")
        self.input_size, self.hidden_size, self.num_layers, self.bias = input_size, hidden_size, num_layers, bias
        self.batch_first, self.bidirectional, self.nonlinearity = batch_first, bidirectional, nonlinearity
        self.dropout = dropout
        self._suffixes = ["", "_reverse"] if bidirectional else [""]
        for layer in range(num_layers):
            width = input_size if layer == 0 else hidden_size * len(self._suffixes)
            for suffix in self._suffixes:
                rows = self.gates * hidden_size
                self.register_parameter(f"weight_ih_l{layer}{suffix}", Parameter(empty(rows, width, dtype=dtype)))
                self.register_parameter(f"weight_hh_l{layer}{suffix}", Parameter(empty(rows, hidden_size, dtype=dtype)))
                if bias:
                    self.register_parameter(f"bias_ih_l{layer}{suffix}", Parameter(empty(rows, dtype=dtype)))
                    self.register_parameter(f"bias_hh_l{layer}{suffix}", Parameter(empty(rows, dtype=dtype)))

    def flatten_parameters(self):
        pass

    def step(self, projected, state, weight, bias):
        raise NotImplementedError

    def _initial(self, input, index, hx):
        raise NotImplementedError

    def _run(self, input, hx):
        """[length, batch, width] in; outputs of the last layer and the last state of each layer and direction."""
        states, layer_input = [], input
        for layer in range(self.num_layers):
            directions = []
            for number, suffix in enumerate(self._suffixes):
                weights = [getattr(self, f"{name}_l{layer}{suffix}", None)
                           for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
                state = self._initial(input, layer * len(self._suffixes) + number, hx)
                if isinstance(layer_input.shape[0], SymInt) and self.gates == 4:
                    output, *state = self._whole(layer_input, state, weights, is_reverse=bool(suffix))
                    directions.append(output)
                    states.append(state)
                    continue
                projected = F.linear(layer_input, weights[0], weights[2])
                length = operator.index(layer_input.shape[0])
                outputs = [None] * length
                for t in reversed(range(length)) if suffix else range(length):
                    state = self.step(projected[t], state, weights[1], weights[3])
                    outputs[t] = state[0]
                directions.append(_state.core.call("stack", (outputs, 0), {}))
                states.append(state)
            layer_input = directions[0] if len(directions) == 1 else _state.core.call("cat", (directions, -1), {})
        return layer_input, [_state.core.call("stack", (list(part), 0), {}) for part in zip(*states)]

    def forward(self, input, hx=None):
        is_batched = input.dim() == 3
        if not is_batched:
            input = input.unsqueeze(1)
        elif self.batch_first:
            input = input.transpose(0, 1)
        output, states = self._run(input, hx)
        if not is_batched:
            output, states = output.squeeze(1), [state.squeeze(1) for state in states]
        elif self.batch_first:
            output = output.transpose(0, 1)
        return output, (tuple(states) if len(states) > 1 else states[0])


class LSTM(RNNBase):
    gates = 4

    def step(self, projected, state, weight, bias):
        return _lstm_step(projected + F.linear(state[0], weight, bias), state)

    @staticmethod
    def _whole(input, state, weights, is_reverse):
        """One layer in one direction as one op."""
        weights = [weight for weight in weights if weight is not None]
        output, hidden, cell = _state.core.call(
            "lstm", (input.flip(0) if is_reverse else input, [part.unsqueeze(0) for part in state], weights,
                     len(weights) == 4, 1, 0.0, False, False, False), {})
        return output.flip(0) if is_reverse else output, hidden.squeeze(0), cell.squeeze(0)

    def _initial(self, input, index, hx):
        if hx is None:
            start = zeros(input.shape[1], self.hidden_size, dtype=input.dtype)
            return start, start
        return hx[0][index], hx[1][index]


class GRU(RNNBase):
    gates = 3

    def step(self, projected, state, weight, bias):
        return (_gru_step(projected, F.linear(state[0], weight, bias), state[0]),)

    def _initial(self, input, index, hx):
        return (zeros(input.shape[1], self.hidden_size, dtype=input.dtype) if hx is None else hx[index],)


class RNN(GRU):
    gates = 1

    def step(self, projected, state, weight, bias):
        total = projected + F.linear(state[0], weight, bias)
        return (total.tanh() if self.nonlinearity == "tanh" else F.relu(total),)


def _gru_step(projected, recurrent, hidden):
    r_in, z_in, n_in = projected.chunk(3, -1)
    r_hidden, z_hidden, n_hidden = recurrent.chunk(3, -1)
    reset, update = (r_in + r_hidden).sigmoid(), (z_in + z_hidden).sigmoid()
    candidate = (n_in + reset * n_hidden).tanh()
    return candidate + update * (hidden - candidate)


class _Cell(Module):
    gates = 1

    def __init__(self, input_size, hidden_size, bias=True, device=None, dtype=None):
        super().__init__()
        self.input_size, self.hidden_size = input_size, hidden_size
        rows = self.gates * hidden_size
        self.weight_ih, self.weight_hh = Parameter(empty(rows, input_size)), Parameter(empty(rows, hidden_size))
        self.register_parameter("bias_ih", Parameter(empty(rows)) if bias else None)
        self.register_parameter("bias_hh", Parameter(empty(rows)) if bias else None)


class GRUCell(_Cell):
    gates = 3

    def forward(self, input, hx=None):
        hx = zeros(input.shape[0], self.hidden_size, dtype=input.dtype) if hx is None else hx
        return _gru_step(F.linear(input, self.weight_ih, self.bias_ih), F.linear(hx, self.weight_hh, self.bias_hh), hx)


class LSTMCell(_Cell):
    gates = 4

    def forward(self, input, hx=None):
        if hx is None:
            start = zeros(input.shape[0], self.hidden_size, dtype=input.dtype)
            hx = (start, start)
        gates = F.linear(input, self.weight_ih, self.bias_ih) + F.linear(hx[0], self.weight_hh, self.bias_hh)
        return _lstm_step(gates, hx)
