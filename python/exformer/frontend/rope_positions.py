"""Positions along several axes (time, rows, columns) for text with pictures inside, for all samples at once:
transformers computes them sample by sample and picture by picture. Padding lies at the ends of a row."""

import sys

from .replacing import modeling


class Spans:
    """The runs of tokens of one kind in each row; pictures are in the order of their grids, all rows through."""

    def __init__(self, types, valid):
        import torch

        pad = torch.nn.functional.pad
        self.types, self.valid = types, valid
        self.places = torch.arange(types.shape[1])
        self.first = valid & ((types != pad(types, (1, -1), value=-1)) | ~pad(valid.long(), (1, -1)).bool())
        self.last = valid & ((types != pad(types, (-1, 1), value=-1)) | ~pad(valid.long(), (-1, 1)).bool())

    def of(self, kind):
        """Of each token: whether it is in a run of this kind, whether it is the run's first, which run that is, and the
        token's place there."""
        inside, start = self.valid & (self.types == kind), self.first & (self.types == kind)
        run = _numbered(start)
        return inside, start, run, self.places - start.nonzero()[:, 1][run]

    def lengths(self, kind):
        """Of each run of this kind."""
        is_kind = self.types == kind
        return (self.last & is_kind).nonzero()[:, 1] - (self.first & is_kind).nonzero()[:, 1] + 1


def _numbered(start):
    """The number of the last start, from 0, all rows through."""
    return (start.long().flatten().cumsum(0) - 1).reshape(start.shape).clamp(min=0)


class Positions:
    """Text goes one step at a time; a picture is `steps` of them, with its tokens' places added inside."""

    def __init__(self, valid):
        self.valid = valid
        self.advance, self.offsets = valid.long(), 0

    def add(self, inside, start, steps, offset):
        import torch

        self.advance = torch.where(start, steps, torch.where(inside, 0, self.advance))
        self.offsets = self.offsets + torch.where(inside, offset - torch.where(start, 0, steps), 0)

    def result(self, padding=0):
        """[axes, batch, sequence], and how much further than its length each row goes."""
        import torch

        positions = self.advance.cumsum(1) - self.advance + self.offsets
        if positions.dim() == 2:
            positions = positions.unsqueeze(0).expand(3, -1, -1)
        deltas = torch.where(self.valid, positions, 0).amax((0, 2)) + 1 - self.valid.sum(1)
        return torch.where(self.valid, positions, padding), deltas.unsqueeze(1)


def _valid(attention_mask, like):
    import torch

    return torch.ones_like(like).bool() if attention_mask is None else attention_mask.bool()


def rope_index(self, input_ids, mm_token_type_ids, image_grid_thw=None, video_grid_thw=None, attention_mask=None,
               **kwargs):
    """get_rope_index of the Qwen-VL family: a picture is max(rows, columns) steps."""
    import torch

    merge = self.config.vision_config.spatial_merge_size
    spans = Spans(mm_token_type_ids.long(), _valid(attention_mask, input_ids))
    positions = Positions(spans.valid)
    for kind, grid in ((1, image_grid_thw), (2, video_grid_thw)):
        if grid is None:
            continue
        if kind == 2 and self.config.model_type not in _WHOLE_CLIPS:  # frames are pictures between time stamps
            frames = torch.repeat_interleave(grid, grid[:, 0], dim=0)
            grid = torch.cat([torch.ones_like(frames[:, :1]), frames[:, 1:]], dim=1)
        inside, start, picture, within = spans.of(kind)
        rows, columns = grid[:, 1][picture] // merge, grid[:, 2][picture] // merge
        frame = within // (rows * columns)
        if kind == 2 and kwargs.get("second_per_grid_ts") is not None:
            seconds = self.config.vision_config.tokens_per_second * kwargs["second_per_grid_ts"]
            frame = (frame * seconds[picture]).long()
        offset = torch.stack([frame, within % (rows * columns) // columns, within % columns])
        positions.add(inside, start, torch.maximum(rows, columns), offset)
    found, deltas = positions.result()
    return found.to(input_ids.dtype), deltas


def omni_rope_index(original, is_float):
    """get_rope_index of the Qwen-Omni family: audio counts like text, a picture lasts as long as its latest token says.
    Runs of picture tokens without a start token before them count like text too: Qwen 2.5 takes as many runs as there
    are start tokens, Qwen 3 those right behind one."""
    import torch

    def rope_index(self, input_ids=None, image_grid_thw=None, video_grid_thw=None, attention_mask=None,
                   use_audio_in_video=False, audio_seqlens=None, second_per_grids=None):
        if input_ids is None or (image_grid_thw is None and video_grid_thw is None):
            return original(self, input_ids, image_grid_thw, video_grid_thw, attention_mask, use_audio_in_video,
                            audio_seqlens, second_per_grids)
        if use_audio_in_video:
            raise NotImplementedError("use_audio_in_video: the order of audio and video tokens depends on their times")
        tokens = {1: self.config.image_token_id, 2: self.config.video_token_id}
        valid = _valid(attention_mask, input_ids)
        types = torch.where(input_ids == tokens[1], 1, torch.where(input_ids == tokens[2], 2, 0))
        opens = valid & (input_ids == self.config.vision_start_token_id)
        behind = torch.nn.functional.pad(opens.long(), (1, -1)).bool()
        spans, positions = Spans(types, valid), Positions(valid)
        if is_float:
            positions.advance = positions.advance.float()
        for kind, grid in ((1, image_grid_thw), (2, video_grid_thw)):
            if grid is None:
                continue
            inside, start, run, within = spans.of(kind)
            if is_float:
                is_picture = behind[start][run]
            else:
                is_picture = start.long().cumsum(1) <= (behind & inside).sum(1, keepdim=True)
            inside, start = inside & is_picture, start & is_picture
            picture = _numbered(start)
            frames, rows, columns = (sizes[picture] for sizes in grid.unbind(-1))
            rows, columns = rows // self.spatial_merge_size, columns // self.spatial_merge_size
            step = self.config.position_id_per_seconds
            frame, last = within // (rows * columns), frames - 1
            if kind == 2:
                seconds = second_per_grids.float()[picture]
                frame, last = frame * seconds * step, last * seconds * step
            else:
                frame, last = frame * step, last * step
            kind_of = torch.float32 if is_float else torch.int64
            frame, last = frame.to(kind_of), last.to(kind_of)
            offset = torch.stack([frame, (within % (rows * columns) // columns).to(kind_of),
                                  (within % columns).to(kind_of)])
            steps = torch.maximum(torch.maximum(rows, columns).to(kind_of), last + 1)
            positions.add(inside, start, steps, offset)
        found, deltas = positions.result(padding=0 if is_float else 1)
        return found if is_float else found.to(input_ids.dtype), deltas

    return rope_index


def hunyuan_rope_index(self, input_ids, mm_token_type_ids, image_grid_thw=None, attention_mask=None, **kwargs):
    """HunYuanVLModel.get_rope_index: one step for each token; the last three axes of an image's tokens are column (one
    more than there are, for the separator), row and number of the image. A run may have a token more at both ends."""
    import torch

    sections = (self.config.text_config.rope_parameters or {}).get("mrope_section", [])
    if len(sections) < 3:
        raise ValueError(f"HunYuanVL needs 3 axes of positions or more, mrope_section has {len(sections)}")
    spans = Spans(mm_token_type_ids.long(), _valid(attention_mask, input_ids))
    positions, deltas = Positions(spans.valid).result()
    if image_grid_thw is not None:
        merge = self.config.vision_config.spatial_merge_size
        inside, _, picture, within = spans.of(1)
        rows, columns = image_grid_thw[:, 1] // merge, image_grid_thw[:, 2] // merge + 1
        lead = (spans.lengths(1) - rows * columns) // 2
        within, rows, columns = within - lead[picture], rows[picture], columns[picture]
        inside = inside & (within >= 0) & (within < rows * columns)
        image = torch.stack([within % columns, within // columns, picture])
        image = torch.where(inside, image, positions)
        positions = torch.cat([positions[:1].expand(len(sections) - 3, -1, -1), image])
        deltas = (positions.amax((0, 2)) + 1 - spans.valid.sum(1)).unsqueeze(1)
    else:
        positions = positions[:1].expand(len(sections), -1, -1)
    return positions.to(input_ids.dtype), deltas


_WHOLE_CLIPS = ("ernie4_5_vl_moe", "paddleocr_vl", "qwen2_vl", "qwen2_5_vl")
_QWEN_VL = ("cohere_compass", "cosmos3_edge", "cosmos3_omni", "ernie4_5_vl_moe", "glm46v", "glm4v", "glm4v_moe",
            "glm_ocr", "paddleocr_vl", "qwen2_vl", "qwen2_5_vl", "qwen3_5", "qwen3_5_moe", "qwen3_vl", "qwen3_vl_moe",
            "qwen4_exp")
_QWEN_OMNI = {"qwen2_5_omni": ("Qwen2_5OmniPreTrainedModelForConditionalGeneration", False),
              "qwen3_omni_moe": ("Qwen3OmniMoePreTrainedModelForConditionalGeneration", True)}


def _qwen_vl_classes():
    for family in _QWEN_VL:
        module = modeling(family)
        yield from (value for value in vars(module or sys).values()
                    if isinstance(value, type) and value.__module__ == getattr(module, "__name__", None)
                    and "get_rope_index" in vars(value))


def replacements():
    """[(class, name, value)] for the families that are loaded."""
    found = [(owner, "get_rope_index", rope_index) for owner in _qwen_vl_classes()]
    for family, (name, is_float) in _QWEN_OMNI.items():
        module = modeling(family)
        if module is not None:
            owner = getattr(module, name)
            found.append((owner, "get_rope_index", omni_rope_index(owner.get_rope_index, is_float)))
    hunyuan = modeling("hunyuan_vl")
    if hunyuan is not None:
        found.append((hunyuan.HunYuanVLModel, "get_rope_index", hunyuan_rope_index))
    return found


def are_computed(model):
    """Whether the model's own get_rope_index is one of these, so that positions need not be an input."""
    return any(isinstance(model, owner) for owner, *_ in replacements())
