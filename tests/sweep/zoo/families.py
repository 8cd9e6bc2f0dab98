"""Which class stands for which model type, and which types are left out."""

from overrides import VARIANTS
from transformers.models.auto import modeling_auto as auto

# Heads by how much of a model they show; the first that a type has is its class.
HEAD_ORDER = [
    "SEQ_TO_SEQ_CAUSAL_LM", "SPEECH_SEQ_2_SEQ", "IMAGE_TEXT_TO_TEXT", "MULTIMODAL_LM", "CTC", "RNNT", "TDT",
    "MASKED_LM", "CAUSAL_LM", "OBJECT_DETECTION", "DEPTH_ESTIMATION", "SEMANTIC_SEGMENTATION",
    "UNIVERSAL_SEGMENTATION", "MASK_GENERATION", "ZERO_SHOT_OBJECT_DETECTION", "ZERO_SHOT_IMAGE_CLASSIFICATION",
    "IMAGE_CLASSIFICATION", "VIDEO_CLASSIFICATION", "AUDIO_CLASSIFICATION", "TEXT_TO_WAVEFORM", "TEXT_TO_SPECTROGRAM",
    "KEYPOINT_DETECTION", "KEYPOINT_MATCHING", "POSE_ESTIMATION", "IMAGE_TO_IMAGE", "TIME_SERIES_PREDICTION",
    "TABLE_RECOGNITION", "TEXT_RECOGNITION", "MASKED_IMAGE_MODELING", "TOKEN_CLASSIFICATION",
    "SEQUENCE_CLASSIFICATION",
]

TIMM = "its vision tower is a timm model (timm is not installed)"
SESSION = "forward takes a Python inference session"
FUTURE = "its forward needs future_values, which exporters refuse"
SKIP = {
    **dict.fromkeys(["timm_wrapper", "timm_backbone", "fast_vlm", "gemma3n", "gemma3n_vision", "perception_lm",
                     "edgetam",
                     "edgetam_vision_model", "edgetam_video", "omdet-turbo", "pe_audio_video", "pe_audio_video_encoder",
                     "pe_video", "pe_video_encoder"], TIMM),
    "dinat": "needs natten",
    "layoutlmv2": "needs detectron2",
    "higgs_audio_v2_tokenizer": "needs torchaudio",
    **dict.fromkeys(["sam2_video", "sam3_tracker_video", "sam3_video"], SESSION),
    "voxtral_realtime_text": "transformers does not export its class",
    "bark": "no forward of its own (generate only)",
    **dict.fromkeys(["autoformer", "informer", "time_series_transformer"], FUTURE),
}

# Where the order above picks a class that is no good here.
HEADS = {
    "mobilenet_v2": "MobileNetV2ForImageClassification",
    "mobilevit": "MobileViTForImageClassification",
    "mobilevitv2": "MobileViTV2ForImageClassification",
    "beit": "BeitForImageClassification",
    "data2vec-vision": "Data2VecVisionForImageClassification",
    "musicgen": "MusicgenForCausalLM",
    "musicgen_melody": "MusicgenMelodyForCausalLM",
    "layoutlmv3": "LayoutLMv3ForTokenClassification",
    "canine": "CanineForSequenceClassification",
    "lilt": "LiltForTokenClassification",
    "bros": "BrosForTokenClassification",
    "markuplm": "MarkupLMForTokenClassification",
    "dinov3_vit": "DINOv3ViTModel",
    "dinov3_convnext": "DINOv3ConvNextModel",
    "seggpt": "SegGptForImageSegmentation",
    "perceiver": "PerceiverForMaskedLM",
    "patchtst": "PatchTSTForPrediction",
    "patchtsmixer": "PatchTSMixerForPrediction",
    "decision_transformer": "DecisionTransformerModel",
    "imagegpt": "ImageGPTForImageClassification",
    "wav2vec2-bert": "Wav2Vec2BertForCTC",
    "vilt": "ViltForQuestionAnswering",
    "blip": "BlipForConditionalGeneration",
    "reformer": "ReformerModelWithLMHead",
    "emu3": "Emu3ForCausalLM",
    "vit_mae": "ViTMAEModel",
}

# More classes of a type.
EXTRA_HEADS = {
    "bert": ["BertModel", "BertForSequenceClassification", "BertForQuestionAnswering",
             "BertForTokenClassification", "BertLMHeadModel"],
    "roberta": ["RobertaForSequenceClassification"],
    "distilbert": ["DistilBertForSequenceClassification", "DistilBertModel"],
    "albert": ["AlbertForSequenceClassification"],
    "electra": ["ElectraForPreTraining"],
    "deberta-v2": ["DebertaV2ForSequenceClassification"],
    "modernbert": ["ModernBertForSequenceClassification", "ModernBertModel"],
    "xlm-roberta": ["XLMRobertaForSequenceClassification", "XLMRobertaModel"],
    "mpnet": ["MPNetModel"],
    "llama": ["LlamaForSequenceClassification", "LlamaModel"],
    "qwen2": ["Qwen2ForSequenceClassification"],
    "qwen3": ["Qwen3Model", "Qwen3ForSequenceClassification"],
    "gpt2": ["GPT2Model"],
    "mistral": ["MistralForSequenceClassification"],
    "t5": ["T5EncoderModel"],
    "mt5": ["MT5EncoderModel"],
    "whisper": ["WhisperForAudioClassification"],
    "vit": ["ViTModel"],
    "dinov2": ["Dinov2Model"],
    "clip": ["CLIPTextModelWithProjection", "CLIPVisionModelWithProjection", "CLIPModel"],
    "siglip": ["SiglipModel", "SiglipVisionModel"],
    "siglip2": ["Siglip2Model"],
    "wav2vec2": ["Wav2Vec2ForSequenceClassification"],
    "hubert": ["HubertForSequenceClassification"],
    "wavlm": ["WavLMForSequenceClassification"],
    "swin": ["SwinModel"],
    "segformer": ["SegformerForImageClassification"],
    "gemma3_text": ["Gemma3TextModel"],
    "beit": ["BeitForSemanticSegmentation"],
    "mobilenet_v2": ["MobileNetV2ForSemanticSegmentation"],
    "mobilevit": ["MobileViTForSemanticSegmentation"],
    "detr": ["DetrForSegmentation"],
    "layoutlm": ["LayoutLMForTokenClassification"],
}


def catalogue():
    """[(model type, class name)], most used families first; a row of other settings has their name as well."""
    found = {}
    for key in HEAD_ORDER:
        for model_type, name in getattr(auto, f"MODEL_FOR_{key}_MAPPING_NAMES").items():
            found.setdefault(model_type, name)
    for model_type, name in auto.MODEL_MAPPING_NAMES.items():
        found.setdefault(model_type, name)
    rows = []
    for model_type, name in {**found, **HEADS}.items():
        rows.append((model_type, name[0] if isinstance(name, (list, tuple)) else name))
        rows += [(model_type, more) for more in EXTRA_HEADS.get(model_type, [])]
    rows = list(dict.fromkeys(rows))
    return rows + [(*row, name) for row in rows for name in VARIANTS.get("/".join(row), ())]
