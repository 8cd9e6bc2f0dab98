from ..._creation import full


def pad_sequence(sequences, batch_first=False, padding_value=0.0, padding_side="right"):
    from ... import _state

    longest = max(int(sequence.shape[0]) for sequence in sequences)
    rows = []
    for sequence in sequences:
        missing = longest - int(sequence.shape[0])
        fill = full([missing, *sequence.shape[1:]], padding_value, dtype=sequence.dtype)
        parts = [sequence, fill] if padding_side == "right" else [fill, sequence]
        rows.append(_state.core.call("cat", (parts, 0), {}) if missing else sequence)
    return _state.core.call("stack", (rows, 0 if batch_first else 1), {})
