"""Patches and keypoints that are chosen image by image, for all images at once: each image's come first, what pads
them to as many as the others have comes behind."""

from .packing import starts
from .replacing import modeling


def kept_first(kept):
    """[rows, places]: the places of each row that are kept, in their order, then the others; and how many are kept."""
    import torch

    places = torch.arange(kept.shape[1])
    return torch.argsort(torch.where(kept, 0, kept.shape[1]) + places, dim=-1), kept.sum(-1)


def rows_at(values, index):
    """values: [batch, places, ...]; those at index: [batch, chosen]"""
    import torch

    return values[torch.arange(values.shape[0]).unsqueeze(-1), index]


def combine_image_text_embeddings(image_embeddings, inputs_embeds, bbox, visual_bbox, attention_mask=None,
                                  num_patches=14, max_len=0, image_size=224, patch_size=16):
    """modeling_udop.combine_image_text_embeddings: a patch that holds the middle of a token's box goes to the token,
    the others follow the text."""
    import torch

    bbox = bbox.to(torch.float64)
    column, row = ((((bbox[..., i] + bbox[..., i + 2]) / 2.0 * num_patches).floor().long()).clip(0, num_patches - 1)
                   for i in (0, 1))
    patch, mean = column + row * num_patches, bbox.mean(-1)
    has_box = ~((mean == 0.0) | (mean == 1.0))
    inputs_embeds += torch.where(has_box.unsqueeze(-1), rows_at(image_embeddings, patch), 0.0)
    free = torch.ones_like(image_embeddings[:, :, 0]).bool().scatter(1, patch, False)
    if visual_bbox is None:
        boxes = modeling("udop").get_visual_bbox(image_size=image_size, patch_size=patch_size)
        visual_bbox = boxes.unsqueeze(0).expand(image_embeddings.shape[0], -1, -1)
    order, count = kept_first(free)
    width = image_embeddings.shape[1] if max_len == 0 else max_len - inputs_embeds.shape[1]
    places = torch.arange(width)
    order = order[:, places.clamp(max=order.shape[1] - 1)]
    known = places < count.unsqueeze(-1)
    patches, boxes = (torch.where(known.unsqueeze(-1), rows_at(values, order), 0.0)
                      for values in (image_embeddings, visual_bbox))
    if attention_mask is not None:
        attention_mask = torch.cat([attention_mask, known.to(attention_mask.dtype)], 1)
    return torch.cat([inputs_embeds, patches], 1), torch.cat([bbox, boxes], 1), attention_mask


def _hat(places, size, side):
    """[batch, places, side]: how much each of `side` learned places counts, first and last ones on each other."""
    import torch

    source = places * (side - 1) / (size - 1).clamp(min=1).unsqueeze(-1)
    return (1 - (source.unsqueeze(-1) - torch.arange(side)).abs()).clamp(min=0.0)


def visual_embed(original):
    """ViltEmbeddings.visual_embed: the valid patches of each image, in their order where the model shuffles them."""

    def patched(self, pixel_values, pixel_mask, max_image_length=200):
        import torch

        if isinstance(max_image_length, int) and max_image_length >= 0:  # the model leaves some out by chance
            return original(self, pixel_values, pixel_mask, max_image_length)
        x = self.patch_embeddings(pixel_values)
        batch, channels, height, width = x.shape
        mask = torch.nn.functional.interpolate(pixel_mask[:, None].float(), size=(height, width)).long()[:, 0]
        high, wide = mask.sum(1)[:, 0], mask.sum(2)[:, 0]
        side = self.config.image_size // self.config.patch_size
        table = self.position_embeddings[0, 1:].reshape(side, side, channels).float()
        rows, columns = torch.arange(height), torch.arange(width)
        positions = torch.einsum("brs,stc,bqt->brqc", _hat(rows, high, side), table, _hat(columns, wide, side))
        inside = (rows[:, None] < high[:, None, None]) & (columns < wide[:, None, None])
        positions = torch.where(inside.unsqueeze(-1), positions, 0.0).flatten(1, 2).to(x.dtype)

        mask = mask.flatten(1)
        order, _ = kept_first(mask.bool())
        order = order[:, torch.arange((high * wide).max().item())]
        grid = torch.stack(torch.meshgrid(rows, columns, indexing="ij"), dim=-1).flatten(0, 1)
        x = rows_at(x.flatten(2).transpose(1, 2), order)
        first = self.position_embeddings[:, :1].expand(batch, -1, -1)
        x = torch.cat([self.cls_token.expand(batch, -1, -1), x], dim=1)
        x = self.dropout(x + torch.cat([first, rows_at(positions, order)], dim=1))
        mask = torch.cat([torch.ones(batch, 1).to(mask), rows_at(mask, order)], dim=1)
        return x, mask, (grid[order], (height, width))

    return patched


def keypoints(original):
    """SuperPointForKeypointDetection.forward for all keypoints above the threshold; the model goes image by image."""

    def forward(self, pixel_values, labels=None, output_hidden_states=None, return_dict=None, **kwargs):
        import torch

        if labels is not None or return_dict is False or self.config.max_keypoints >= 0:
            return original(self, pixel_values, labels, output_hidden_states, return_dict, **kwargs)
        functional, finder = torch.nn.functional, self.keypoint_decoder
        pixel_values = self.extract_one_channel_pixel_values(pixel_values)
        encoded = self.encoder(pixel_values, output_hidden_states=output_hidden_states, return_dict=True)
        scores = finder._get_pixel_scores(encoded[0])
        batch, high, wide = scores.shape
        border, scale = finder.border_removal_distance, 8
        rows, columns = torch.arange(high)[:, None], torch.arange(wide)
        far = (rows < high * scale - border) & (columns < wide * scale - border)  # as far as the model looks
        found = (scores > finder.keypoint_threshold) & (rows >= border) & (columns >= border) & far
        counts = found.flatten(1).sum(1)
        image, row, column = found.nonzero().unbind(1)
        place = torch.arange(image.shape[0]) - starts(counts)[image]
        most = counts.max().item()

        def spread(values):
            empty = values.new_zeros(batch, most, *values.shape[1:])
            return empty.index_put((image, place), values)

        places = spread(torch.stack([column, row], dim=-1).to(scores.dtype))
        known = torch.arange(most) < counts[:, None]
        describer = self.descriptor_decoder
        descriptors = describer.conv_descriptor_b(describer.relu(describer.conv_descriptor_a(encoded[0])))
        descriptors = functional.normalize(descriptors, p=2, dim=1)
        last = torch.tensor([descriptors.shape[3], descriptors.shape[2]]).to(scores.dtype) * scale - scale / 2 - 0.5
        grid = (places - scale / 2 + 0.5) / last * 2 - 1
        descriptors = functional.grid_sample(descriptors, grid.unsqueeze(1), mode="bilinear", align_corners=True)
        descriptors = functional.normalize(descriptors.flatten(2), p=2, dim=1).transpose(1, 2)
        return modeling("superpoint").SuperPointKeypointDescriptionOutput(
            keypoints=places / torch.tensor([pixel_values.shape[3], pixel_values.shape[2]]),
            scores=spread(scores[image, row, column]),
            descriptors=torch.where(known.unsqueeze(-1), descriptors, 0.0), mask=known.int(),
            hidden_states=encoded[1] if output_hidden_states else None)

    return forward


def replacements():
    """[(owner, name, value)] for the families that are loaded."""
    found = []
    if (udop := modeling("udop")) is not None:
        found.append((udop, "combine_image_text_embeddings", combine_image_text_embeddings))
    if (superpoint := modeling("superpoint")) is not None:
        owner = superpoint.SuperPointForKeypointDetection
        found.append((owner, "forward", keypoints(owner.forward)))
    if (vilt := modeling("vilt")) is not None:
        owner = vilt.ViltEmbeddings
        found.append((owner, "visual_embed", visual_embed(owner.visual_embed)))
    return found
