"""Reformer's attention at every length. Sequences are padded to whole chunks in every case; where transformers does not
chunk because there is one only, chunks do not see their neighbours."""

import math

from . import blocks
from .replacing import modeling


def normal_numbers(count, seed):
    """What torch.randn makes of float32 on the CPU after manual_seed: Box and Muller's transform, of 16 numbers at once
    where there are so many, and in pairs of doubles where there are not."""
    import numpy

    twister = numpy.random.RandomState(seed)

    def uniform(number):
        bits = twister.randint(0, 2**32, size=number, dtype=numpy.uint32) & (2**24 - 1)
        return bits.astype(numpy.float32) * numpy.float32(2**-24)

    def transformed(numbers):
        first, second = numpy.split(numbers.reshape(-1, 16), 2, axis=1)
        radius = numpy.sqrt(numpy.float32(-2) * numpy.log(1 - first))
        angle = numpy.float32(2 * math.pi) * second
        return numpy.concatenate([radius * numpy.cos(angle), radius * numpy.sin(angle)], axis=1).reshape(-1)

    if count < 16:
        pairs = twister.randint(0, 2**32, size=((count + 1) // 2, 2, 2), dtype=numpy.uint32).astype(numpy.uint64)
        turn, share = (((pairs[..., 0] << numpy.uint64(32) | pairs[..., 1]) & numpy.uint64(2**53 - 1)) * 2.0**-53).T
        radius, angle = numpy.sqrt(-2 * numpy.log1p(-share)), 2 * math.pi * turn
        both = numpy.stack([radius * numpy.cos(angle), radius * numpy.sin(angle)], axis=1)
        return both.reshape(-1)[:count].astype(numpy.float32)
    numbers = uniform(count)
    result = transformed(numbers[:count // 16 * 16])
    if count % 16:  # the last 16 are made anew
        result = numpy.concatenate([result[:count - 16], transformed(uniform(16))])
    return result


def bucket_factors(self, length):
    """The numbers of buckets, whose product they are: the config's, or those of the length as in the sample."""
    if self.num_buckets is not None:
        return [self.num_buckets] if isinstance(self.num_buckets, int) else list(self.num_buckets)
    power, chunks = 1, length // self.chunk_length
    while chunks >= 2**power:
        power += 1
    limit = 2 * max(int((self.max_position_embeddings // self.chunk_length) ** 0.5), self.chunk_length)
    return [2 ** (power // 2), 2 ** (power - power // 2)] if 2**power > limit else [2**power]


def hashed(self, vectors, rounds, is_valid):
    """[batch, heads, rounds, length]: the bucket of each vector in each round, counted on from round to round; padding
    has one of its own. Without a hash_seed transformers draws other rotations in each call, here once."""
    import torch

    factors = bucket_factors(self, vectors.shape[2])
    sizes = self.num_attention_heads, vectors.shape[-1], rounds, sum(factors) // 2
    rotations = torch.from_numpy(normal_numbers(math.prod(sizes), self.hash_seed or 0).reshape(sizes))
    rotated = torch.einsum("bhld,hdrk->bhrlk", vectors, rotations.to(vectors.dtype))
    bucket, product = 0, 1
    for part, factor in zip(rotated.split([factor // 2 for factor in factors], dim=-1), factors):
        bucket = bucket + product * torch.cat([part, -part], dim=-1).argmax(-1)
        product *= factor
    bucket = torch.where(is_valid[:, None, None, :], bucket, product)
    return bucket + torch.arange(rounds).unsqueeze(-1) * (product + (~is_valid).any().long())


def adjacent(self, chunks):
    """[batch, heads, chunks, keys, ...] of [batch, heads, chunks, length, ...]: each chunk among its neighbours, in a
    circle."""
    import torch

    number = torch.arange(chunks.shape[2])
    steps = range(-self.num_chunks_before, self.num_chunks_after + 1)
    return torch.cat([chunks.index_select(2, (number + step) % chunks.shape[2]) for step in steps], dim=3)


class Call:
    """The length of the call's sequence, and the one up to which nothing is chunked."""

    length = shortest = 0

    def is_padded(self):
        return blocks.exceeds(self.length, self.shortest)

    def is_chunked(self, layer, padded):
        return self.is_padded() & blocks.exceeds(padded, layer.chunk_length)

    def one_chunk(self, layer, scores, places, padded):
        """Keys of other chunks are left out where there is to be one only, padding where transformers has none."""
        import torch

        chunk = torch.arange(scores.shape[-1]) // layer.chunk_length
        is_out = (chunk != layer.num_chunks_before) & ~self.is_chunked(layer, padded)
        is_out = is_out | ((places >= self.length) & ~self.is_padded()).unsqueeze(-2)
        return torch.where(is_out, torch.finfo(scores.dtype).min, scores)


def _heads(self, states):
    return states.unflatten(-1, (self.num_attention_heads, self.attention_head_size)).transpose(1, 2)


def _masked(self, scores, place, is_valid):
    """Scores of keys that are padding or come later are as low as the model has it; the places of all keys too."""
    import torch

    name = "mask_value_float16" if scores.dtype == torch.float16 else "mask_value_float32"
    places = adjacent(self, place)
    is_seen = adjacent(self, is_valid).unsqueeze(-2)
    if self.is_decoder:
        is_seen = is_seen & (place.unsqueeze(-1) >= places.unsqueeze(-2))
    return torch.where(is_seen, scores, getattr(self, name).to(scores.dtype)), places


def _shares(scores, dim):
    """A softmax, and what it divides by; as the model rounds it, which shows where all scores are low."""
    import torch

    sums = torch.logsumexp(scores, dim=dim, keepdim=True)
    return torch.exp(scores - sums), sums


def _refuse_attentions(output_attentions):
    if output_attentions:
        raise NotImplementedError("attentions of chunks have other sizes than those of sequences shorter than one")


def local_attention(call, module):
    """LocalSelfAttention.forward without a cache."""

    def forward(self, hidden_states, attention_mask=None, output_attentions=False, **kwargs):
        import torch

        _refuse_attentions(output_attentions)
        length = hidden_states.shape[1]

        def chunks(states, dim=2):
            return states.unflatten(dim, (-1, self.chunk_length))

        query, key, value = (chunks(_heads(self, project(hidden_states)))
                             for project in (self.query, self.key, self.value))
        key, value = adjacent(self, key / math.sqrt(self.attention_head_size)), adjacent(self, value)
        place, is_valid = torch.arange(length)[None, None], attention_mask.bool().unsqueeze(1)
        scores, places = _masked(self, query @ key.transpose(-2, -1), chunks(place), chunks(is_valid))
        shares, _ = _shares(call.one_chunk(self, scores, places, length), -1)
        states = (shares @ value).flatten(2, 3)
        return module.LocalSelfAttentionOutput(states.transpose(1, 2).flatten(2), ())

    return forward


def hashed_attention(call, module):
    """LSHSelfAttention.forward without a cache. In each round of hashing the sequence is sorted by buckets."""

    def forward(self, hidden_states, attention_mask=None, num_hashes=None, output_attentions=False, **kwargs):
        import torch

        _refuse_attentions(output_attentions)
        length, rounds = hidden_states.shape[1], num_hashes or self.num_hashes
        is_valid = attention_mask.bool()
        vectors, value = _heads(self, self.query_key(hidden_states)), _heads(self, self.value(hidden_states))
        buckets = hashed(self, vectors, rounds, is_valid)
        order = (buckets * length + torch.arange(length)).argsort(-1)
        back = order.argsort(-1)
        place = order.flatten(2)

        def chunks(states):
            """In the order of the buckets, round behind round."""
            index = place if states.dim() == 3 else place.unsqueeze(-1).expand(-1, -1, -1, states.shape[-1])
            return states.gather(2, index).unflatten(2, (-1, self.chunk_length))

        query = chunks(vectors)
        key = adjacent(self, self._len_and_dim_norm(query, math.sqrt(self.attention_head_size)))
        scores, places = _masked(self, query @ key.transpose(-2, -1), place.unflatten(2, (-1, self.chunk_length)),
                                 chunks(is_valid.unsqueeze(1).expand(-1, vectors.shape[1], -1)))
        name = "self_mask_value_float16" if scores.dtype == torch.float16 else "self_mask_value_float32"
        is_other = place.unflatten(2, (-1, self.chunk_length)).unsqueeze(-1) != places.unsqueeze(-2)
        scores = torch.where(is_other, scores, getattr(self, name).to(scores.dtype))
        shares, sums = _shares(call.one_chunk(self, scores, places, length), -1)
        states = shares @ adjacent(self, chunks(value))
        states, sums = (part.flatten(2, 3).unflatten(2, (rounds, -1)) for part in (states, sums))
        states = states.gather(3, back.unsqueeze(-1).expand(-1, -1, -1, -1, states.shape[-1]))
        sums = sums.gather(3, back.unsqueeze(-1))
        shares = torch.where(call.is_chunked(self, length), _shares(sums, 2)[0], 1 / rounds)
        states = (states * shares).sum(2)
        return module.LSHSelfAttentionOutput(states.transpose(1, 2).flatten(2), (), buckets)

    return forward


def cut(cache, call, model):
    """A ReformerDynamicCache of the sequence alone. Where transformers has not hashed there are no buckets."""
    import torch

    def is_more(length, number):
        return torch.sym_min(torch.sym_max(length - number, 0), 1)

    padded, cache._seen_tokens = cache.states_cache[0].shape[1], call.length
    for i, layer in enumerate(model.encoder.layers):
        cache.states_cache[i] = cache.states_cache[i][:, :call.length]
        if cache.buckets_cache[i].dim() > 1:
            size = layer.attention.self_attention.chunk_length
            kept = call.length * is_more(call.length, call.shortest) * is_more(padded, size)
            cache.buckets_cache[i] = cache.buckets_cache[i][..., :kept]


def padded_model(original, call, module):
    """ReformerModel.forward of whole chunks. What is behind the sequence is cut off again; from hidden states only
    where transformers has not padded."""

    def forward(self, input_ids=None, attention_mask=None, position_ids=None, inputs_embeds=None, return_dict=None,
                past_buckets_states=None, **kwargs):
        import torch

        if past_buckets_states is not None:
            raise NotImplementedError("caches of buckets that are inputs")
        pad = torch.nn.functional.pad
        batch, length = (input_ids if inputs_embeds is None else inputs_embeds).shape[:2]
        behind = blocks.missing(length, int(module._get_least_common_mult_chunk_len(self.config)))
        call.length, call.shortest = length, int(module._get_min_chunk_len(self.config))
        if attention_mask is None:
            attention_mask = torch.ones(batch, length, dtype=torch.int64)
        if input_ids is not None:
            input_ids = pad(input_ids, (0, behind), value=self.config.pad_token_id)
        if inputs_embeds is not None:
            inputs_embeds = pad(inputs_embeds, (0, 0, 0, behind))
        if position_ids is not None:
            position_ids = pad(position_ids, (0, behind))
        outputs = original(self, input_ids=input_ids, attention_mask=pad(attention_mask, (0, behind)),
                           position_ids=position_ids, inputs_embeds=inputs_embeds, return_dict=True, **kwargs)
        outputs.last_hidden_state = outputs.last_hidden_state[:, :length]
        if outputs.past_buckets_states is not None:
            cut(outputs.past_buckets_states, call, self)
        if outputs.hidden_states is not None:
            kept = length + behind * torch.sym_min(torch.sym_max(length - call.shortest, 0), 1)
            outputs.hidden_states = [states[:, :kept] for states in outputs.hidden_states]
        return outputs if self.config.return_dict and return_dict is not False else outputs.to_tuple()

    return forward


def axial_positions(self, position_ids):
    """AxialPositionEmbeddings.forward: what a position's row and its column stand for, for the whole batch."""
    import torch

    rows, columns = self.axial_pos_shape
    if rows * columns < position_ids.shape[1]:
        raise ValueError(f"config.axial_pos_shape has {rows} x {columns} positions, {position_ids.shape[1]} are needed")
    row, column = self.weights[0][:, 0], self.weights[1][0]
    return torch.cat([row[position_ids // columns], column[position_ids % columns]], dim=-1)


def replacements():
    """[(class, name, value)] where the family is loaded."""
    module = modeling("reformer")
    if module is None:
        return []
    call, owner = Call(), module.ReformerModel
    return [(owner, "forward", padded_model(owner.forward, call, module)),
            (module.LocalSelfAttention, "forward", local_attention(call, module)),
            (module.LSHSelfAttention, "forward", hashed_attention(call, module)),
            (module.AxialPositionEmbeddings, "forward", axial_positions)]
