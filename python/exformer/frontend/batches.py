"""Code that goes through a batch sample by sample, for all samples at once: their number stays an input."""

from .replacing import modeling


def length_regulator(encoded_embeddings, duration_labels, speaking_speed=1.0):
    """fastspeech2_conformer.length_regulator: each token as often as its duration says, zeros up to the longest."""
    import torch

    if speaking_speed <= 0:
        raise ValueError("`speaking_speed` must be greater than 0")
    if speaking_speed != 1.0:
        duration_labels = torch.round(duration_labels.float() * speaking_speed).long()
    duration_labels.copy_(torch.where(duration_labels.sum() == 0, 1, duration_labels))  # an output of the model
    ends = duration_labels.cumsum(1)
    place = torch.arange(ends[:, -1].max().item())[None, :, None]
    token = (place >= ends.unsqueeze(1)).sum(-1)  # [batch, time]
    inside = (place[..., 0] < ends[:, -1:]).unsqueeze(-1)
    token = token.clamp(max=ends.shape[1] - 1).unsqueeze(-1).expand(-1, -1, encoded_embeddings.shape[-1])
    return torch.where(inside, encoded_embeddings.gather(1, token), 0.0).float()


def series_at_once(forward):
    """A forward that takes a list of time series: of series of one length it gets one, [length, batch]."""

    def patched(self, past_values, *args, **kwargs):
        import torch

        if isinstance(past_values, torch.Tensor) and past_values.dim() == 2 and kwargs.get("window_size") is None:
            past_values = [past_values.transpose(0, 1)]
        return forward(self, past_values, *args, **kwargs)

    return patched


def preprocess_series(original):
    """_preprocess of the TimesFM family for what series_at_once makes: padded in front up to the context's length."""

    def preprocess(self, inputs, freq=None, context_len=None):
        import torch

        if len(inputs) != 1 or inputs[0].dim() == 1:
            return original(self, inputs, freq, context_len)
        context = context_len or self.context_len
        series = inputs[0].transpose(0, 1)[:, -context:]
        batch, length = series.shape
        known = series.new_zeros(batch, length + self.horizon_len)
        padding = torch.cat([series.new_ones(batch, context - length), known], dim=1)
        result = torch.nn.functional.pad(series, (context - length, 0)), padding
        if freq is None:
            return result
        freq = freq.reshape(-1, 1) if isinstance(freq, torch.Tensor) else torch.zeros(batch, 1)
        return *result, freq.to(torch.int32)

    return preprocess


def block_attention(self, hidden_states, attention_dists):
    """GraniteSpeechConformerAttention.forward, which masks the padding of the last block where there is some: here
    padding is masked in every block."""
    import torch

    functional, size = torch.nn.functional, self.context_size
    hidden_states = self.pre_norm(hidden_states)
    batch, length = hidden_states.shape[:2]
    blocks = -(-length // size)
    padded = functional.pad(hidden_states, (0, 0, 0, blocks * size - length))

    def heads(states):
        return states.reshape(batch * blocks, size, self.num_heads, -1).transpose(1, 2)

    query, (key, value) = heads(self.to_q(padded)), map(heads, self.to_kv(padded).chunk(2, dim=-1))
    bias = torch.einsum("bhcd,crd->bhcr", query, self.rel_pos_emb(attention_dists)) * self.scale
    inside = (torch.arange(blocks * size) < length).reshape(1, blocks, 1, 1, size)
    bias = bias.unflatten(0, (batch, blocks)).masked_fill(~inside, -torch.finfo(bias.dtype).max).flatten(0, 1)
    out = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias, scale=self.scale)
    out = out.transpose(1, 2).reshape(batch, blocks * size, -1)[:, :length]
    return self.dropout(self.to_out(out))


def local_attention(original):
    """CanineAttention.forward of blocks that attend to themselves: the last one is padded, and all go at once."""

    def forward(self, hidden_states, attention_mask=None, output_attentions=False):
        import torch

        size, pad = self.attend_from_chunk_width, torch.nn.functional.pad
        others = self.attend_from_chunk_stride, self.attend_to_chunk_width, self.attend_to_chunk_stride
        is_plain = self.local and set(others) == {size} and attention_mask is not None and not output_attentions
        if not is_plain or self.always_attend_to_first_position or self.first_position_attends_to_all:
            return original(self, hidden_states, attention_mask, output_attentions)
        batch, length = hidden_states.shape[:2]
        blocks = -(-length // size)
        missing = blocks * size - length
        states = pad(hidden_states, (0, 0, 0, missing)).reshape(batch * blocks, size, -1)
        # 1 keeps, 0 is the lowest number: less than that takes a key out altogether.
        mask = pad(pad(attention_mask.float(), (0, missing), value=-float("inf")), (0, 0, 0, missing))
        places = torch.arange(blocks * size).reshape(blocks, size)
        mask = mask[:, places[:, :, None], places[:, None, :]].flatten(0, 1)
        context = self.self(states, states, mask, False)[0]
        return (self.output(context.reshape(batch, blocks * size, -1)[:, :length], hidden_states),)

    return forward


_GRANITE = {"granite_speech": "GraniteSpeechConformerAttention",
            "granite_speech_plus": "GraniteSpeechPlusConformerAttention"}
_SERIES = {"timesfm": "TimesFmModelForPrediction", "timesfm2_5": "TimesFm2_5ModelForPrediction"}


def replacements():
    """[(owner, name, value)] for the families that are loaded."""
    found = []
    for family, name in _GRANITE.items():
        if (module := modeling(family)) is not None:
            found.append((getattr(module, name), "forward", block_attention))
    for family, name in _SERIES.items():
        if (module := modeling(family)) is not None:
            owner = getattr(module, name)
            found += [(owner, "forward", series_at_once(owner.forward)),
                      (owner, "_preprocess", preprocess_series(owner._preprocess))]
    if (canine := modeling("canine")) is not None:
        owner = canine.CanineAttention
        found.append((owner, "forward", local_attention(owner.forward)))
    if (speech := modeling("fastspeech2_conformer")) is not None:
        found.append((speech, "length_regulator", length_regulator))
    return found
