"""Made-up sound: waveforms, spectrograms and their masks."""

_SOUND_PARTS = ("audio_config", "audio_encoder_config", "encoder_config", "speech_encoder", "encoder")
_FRAMES, _WAVE = 104, 2000  # frames are gathered by eight at most
_BINS = ("num_mel_bins", "n_mels", "mel_bins", "input_feat_per_channel", "feature_projection_input_dim", "feature_size",
         "input_dim")


def sound(sample):
    return sample.part(*_SOUND_PARTS)


def bins(sample):
    count = sample.integer(*_BINS, part=sound(sample), default=sample.preprocessor.get("feature_size") or 80)
    return count * sample.integer("num_stacked_frames", part=sound(sample), default=1)


def is_bins_first(sample):
    """Whether spectrograms are [batch, bins, frames]: convolutions take them as they are."""
    sizes = sample.written_sizes("input_features")
    if sizes is not None:
        return "mel" in sizes[1] or "seq" in sizes[-1] or "length" in sizes[-1]
    return any(sample.says(text) for text in ("conv1(input_features)", "conv1(input_features.to("))


def frames(sample):
    """Encoders with a fixed number of places take so many frames, two to a place."""
    places = sample.integer("max_source_positions", part=sound(sample))
    return 2 * places if places is not None and is_bins_first(sample) else _FRAMES


def is_seen(sample):
    """Whether the call has a picture, which is enough beside text."""
    return "pixel_values" in sample.names and "input_ids" in sample.names


def spectrogram(sample):
    if is_seen(sample):
        return None
    if is_bins_first(sample):
        return sample.numbers(sample.batch, bins(sample), frames(sample))
    return sample.numbers(sample.batch, frames(sample), bins(sample))


def waveform(sample):
    """[batch, samples]; codecs take channels too."""
    if is_seen(sample):
        return None
    if sample.find("codebook_size", "audio_channels") is None:
        return sample.numbers(sample.batch, _WAVE)
    return sample.numbers(sample.batch, sample.integer("audio_channels", part=sound(sample), default=1), _WAVE)


def sound_mask(sample, name):
    """Which part of each stretch is sound."""
    tensor = sample[name]
    if tensor is None or sample.preprocessor.get("return_attention_mask") is False:
        return None
    if name == "input_values" or tensor.dim() != 3:
        return sample.ones(*tensor.shape)
    return sample.ones(tensor.shape[0], tensor.shape[-1 if is_bins_first(sample) else 1])


def features_mask(sample):
    return sound_mask(sample, "input_features")


def padding_mask(sample):
    return sound_mask(sample, "input_values")


def is_longer(sample):
    return sample.ones(sample.batch, 1).bool()


MAKERS = {"is_longer": is_longer, "input_features": spectrogram, "input_values": waveform,
          "input_features_mask": features_mask, "feature_attention_mask": features_mask, "padding_mask": padding_mask}
