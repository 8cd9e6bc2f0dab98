"""Made-up time series and trajectories."""

_STEPS = 5


def past_length(sample):
    length = sample.integer("context_length", "context_len", default=64)
    lags = sample.find("lags_sequence")
    return length + max(lags) if lags else length


def past_values(sample):
    width = sample.integer("num_input_channels", "input_size")
    if width is None or width == 1 and sample.find("lags_sequence"):
        return sample.numbers(sample.batch, past_length(sample))
    return sample.numbers(sample.batch, past_length(sample), width)


def past_observed(sample):
    return None if sample["past_values"] is None else sample.ones(*sample["past_values"].shape).bool()


def _time_features(sample, length):
    return sample.numbers(sample.batch, length, sample.integer("num_time_features", default=0))


def past_times(sample):
    return _time_features(sample, past_length(sample))


def static_categories(sample):
    count = sample.integer("num_static_categorical_features", default=0)
    return sample.filled(0, sample.batch, count) if count else None


def static_numbers(sample):
    count = sample.integer("num_static_real_features", default=0)
    return sample.numbers(sample.batch, count) if count else None


def _steps(*widths):
    """[batch, steps, width], as wide as the first of these fields says."""

    def maker(sample):
        return sample.numbers(sample.batch, _STEPS, sample.integer(*widths, default=1))

    return maker


def step_numbers(sample):
    import torch

    return torch.arange(_STEPS).repeat(sample.batch, 1)


MAKERS = {"past_values": past_values, "past_observed_mask": past_observed, "observed_mask": past_observed,
          "past_time_features": past_times, "static_categorical_features": static_categories,
          "static_real_features": static_numbers, "states": _steps("state_dim"), "actions": _steps("act_dim"),
          "rewards": _steps(), "returns_to_go": _steps(), "timesteps": step_numbers}
