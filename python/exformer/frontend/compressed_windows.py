"""DeepSeek V4's caches, which compress each whole window of tokens to one entry: code that asks whether there are any
runs for none as well."""

from .replacing import modeling


def storing(original):
    def store_compression_weights(self, name, kv, gate):
        import torch

        chunk_kv, chunk_gate, first = original(self, name, kv, gate)
        torch._symbols.counts_as_some(chunk_kv.shape[1])
        return chunk_kv, chunk_gate, first

    return store_compression_weights


def updating(original):
    def update_compressor_states(self, name, compressed):
        import torch

        entries = original(self, name, compressed)
        torch._symbols.counts_as_some(entries.shape[1])
        return entries

    return update_compressor_states


def replacements():
    """[(class, name, value)], where the family is loaded."""
    if (module := modeling("deepseek_v4")) is None:
        return []
    cache = module.DeepseekV4HCACache
    return [(cache, "store_compression_weights", storing(cache.store_compression_weights)),
            (cache, "update_compressor_states", updating(cache.update_compressor_states))]
