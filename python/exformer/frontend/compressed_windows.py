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


def overlapping(original):
    def update_overlap_state(self, name, chunk_kv, chunk_gate, head_dim):
        """The last window is what the next call sees."""
        import torch

        windows = chunk_kv.shape[1]
        if isinstance(windows, torch.SymInt):
            torch._state.core.check(windows, f"input_ids must be at least {chunk_kv.shape[2]} long: one window of keys")
        return original(self, name, chunk_kv, chunk_gate, head_dim)

    return update_overlap_state


def replacements():
    """[(class, name, value)], where the family is loaded."""
    if (module := modeling("deepseek_v4")) is None:
        return []
    cache, indexed = module.DeepseekV4HCACache, module.DeepseekV4CSACache
    return [(indexed, "update_overlap_state", overlapping(indexed.update_overlap_state)),
            (cache, "store_compression_weights", storing(cache.store_compression_weights)),
            (cache, "update_compressor_states", updating(cache.update_compressor_states))]
