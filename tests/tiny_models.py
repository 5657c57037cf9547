"""Small random models of the families a core can be made of, with their real processors, built in memory.

They are untrained: they show that shapes, masks, positions, pictures and gradients are right, never that anything is
understood.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

CORPUS = [
    "find every person and the bus",
    "show me how the people are standing",
    "outline the dog on the left",
    "make the sky purple",
    "what is in the picture?",
    "You can use these tools. Answer with one line per tool needed.",
    "Request: detect pose segment edit",
    "answer: words are enough. reject: none of the tools can do it.",
    "user assistant system picture marked box point from to",
    "The quick brown fox jumps over the lazy dog 0123456789",
    "0 1 2 3 4 5 6 7 8 9 N/A",
    "A cat; two cats, three cats!",
]
CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}IMAGE{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAVA = (
    "{% for message in messages %}{{ message['role'] | upper }}: {% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>\n{% else %}{{ part['text'] }} {% endif %}{% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
TEXT: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "initializer_range": 0.2,
}


def byte_tokenizer(named: dict[str, str] | None = None, template: str = CHATML, more: tuple[str, ...] = ()) -> Any:
    """A byte-level BPE tokenizer, as Qwen has it; `named` special tokens become attributes, `more` do not."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *(named or {}).values(), *more]
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=special,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    backend.train_from_iterator(CORPUS, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        bos_token="<|im_start|>",
        extra_special_tokens=named or {},
        chat_template=template,
    )


def piece_tokenizer() -> Any:
    """A sentence-piece-like tokenizer with byte fallback and a <s> at the start, as Llama 2 and LLaVA have it."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = ["<unk>", "<s>", "</s>", "<image>", "<pad>", *(f"<0x{i:02X}>" for i in range(256))]
    backend = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    backend.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=700, special_tokens=special, show_progress=False)
    )
    # bytes are pieces of the vocabulary, not special tokens: a fresh tokenizer forgets that training called them so
    state = backend.model
    backend = Tokenizer(state)
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    backend.add_special_tokens(special[:5])
    backend.post_processor = processors.TemplateProcessing("<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        extra_special_tokens={"image_token": "<image>"},
        chat_template=LLAVA,
    )


def _finish(make: Callable[[], Any]) -> Any:
    import torch

    torch.set_num_threads(1)  # on models this small several threads only wait for each other
    torch.manual_seed(0)
    return make().eval()


def llama() -> tuple[Any, Any]:
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = byte_tokenizer()
    config = LlamaConfig(
        **TEXT,
        vocab_size=len(tokenizer),
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
    )
    return _finish(lambda: LlamaForCausalLM(config)), tokenizer


def gemma_like() -> tuple[Any, Any]:
    """A causal model whose layers see a sliding window, with untied embeddings and no chat template."""
    from transformers import Gemma2Config, Gemma2ForCausalLM

    tokenizer = byte_tokenizer()
    tokenizer.chat_template = None
    config = Gemma2Config(
        **TEXT,
        vocab_size=len(tokenizer) + 64,
        head_dim=8,
        sliding_window=16,
        tie_word_embeddings=False,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        query_pre_attn_scalar=8,
    )
    return _finish(lambda: Gemma2ForCausalLM(config)), tokenizer


def _qwen_tokenizer() -> Any:
    named = {
        "image_token": "<|image_pad|>",
        "video_token": "<|video_pad|>",
        "vision_start_token": "<|vision_start|>",
        "vision_end_token": "<|vision_end|>",
    }
    return byte_tokenizer(named, CHATML.replace("IMAGE", "<|vision_start|><|image_pad|><|vision_end|>"))


def _qwen_ids(tokenizer: Any) -> dict[str, Any]:
    pairs = {
        "image_token_id": "<|image_pad|>",
        "video_token_id": "<|video_pad|>",
        "vision_start_token_id": "<|vision_start|>",
        "vision_end_token_id": "<|vision_end|>",
    }
    return {key: tokenizer.convert_tokens_to_ids(token) for key, token in pairs.items()}


def qwen25vl() -> tuple[Any, Any]:
    from transformers import (
        Qwen2_5_VLConfig,
        Qwen2_5_VLForConditionalGeneration,
        Qwen2_5_VLProcessor,
        Qwen2VLImageProcessor,
    )
    from transformers.models.qwen2_vl.video_processing_qwen2_vl import Qwen2VLVideoProcessor

    tokenizer = _qwen_tokenizer()
    size = {"shortest_edge": 28 * 28, "longest_edge": 56 * 84}
    processor = Qwen2_5_VLProcessor(
        Qwen2VLImageProcessor(patch_size=14, size=size),
        tokenizer,
        Qwen2VLVideoProcessor(),
        chat_template=tokenizer.chat_template,
    )
    text = {
        **TEXT,
        "vocab_size": len(tokenizer),
        "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2]},
        "eos_token_id": tokenizer.eos_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = {
        "depth": 2,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 4,
        "out_hidden_size": 32,
        "window_size": 56,
        "fullatt_block_indexes": [1],
        "patch_size": 14,
        "initializer_range": 0.2,
    }
    config = Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, **_qwen_ids(tokenizer))
    return _finish(lambda: Qwen2_5_VLForConditionalGeneration(config)), processor


def qwen3vl() -> tuple[Any, Any]:
    from transformers import Qwen2VLImageProcessor, Qwen3VLConfig, Qwen3VLForConditionalGeneration, Qwen3VLProcessor
    from transformers.models.qwen3_vl.video_processing_qwen3_vl import Qwen3VLVideoProcessor

    tokenizer = _qwen_tokenizer()
    size = {"shortest_edge": 32 * 32, "longest_edge": 64 * 96}
    processor = Qwen3VLProcessor(
        Qwen2VLImageProcessor(patch_size=16, size=size),
        tokenizer,
        Qwen3VLVideoProcessor(),
        chat_template=tokenizer.chat_template,
    )
    text = {
        **TEXT,
        "vocab_size": len(tokenizer),
        "head_dim": 8,
        "rope_parameters": {"rope_type": "default", "mrope_section": [2, 1, 1], "mrope_interleaved": True},
    }
    vision = {
        "depth": 2,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_heads": 4,
        "out_hidden_size": 32,
        "patch_size": 16,
        "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0],
        "initializer_range": 0.2,
    }
    config = Qwen3VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, **_qwen_ids(tokenizer))
    return _finish(lambda: Qwen3VLForConditionalGeneration(config)), processor


def smolvlm() -> tuple[Any, Any]:
    from transformers import SmolVLMConfig, SmolVLMForConditionalGeneration, SmolVLMImageProcessor, SmolVLMProcessor
    from transformers.models.smolvlm import processing_smolvlm
    from transformers.models.smolvlm.video_processing_smolvlm import SmolVLMVideoProcessor

    # the processor insists on a package that spells the number of a video's frames
    if not getattr(processing_smolvlm, "num2words", None):
        setattr(processing_smolvlm, "num2words", str)  # noqa: B010 - the module does not export it
    named = {
        "fake_image_token": "<fake_token_around_image>",
        "image_token": "<image>",
        "end_of_utterance_token": "<end_of_utterance>",
        "global_image_token": "<global-img>",
    }
    rows = tuple(f"<row_{r}_col_{c}>" for r in (1, 2, 3) for c in (1, 2, 3))
    tokenizer = byte_tokenizer(named, CHATML.replace("IMAGE", "<image>"), rows)
    images = SmolVLMImageProcessor(size={"longest_edge": 64}, max_image_size={"longest_edge": 32})
    processor = SmolVLMProcessor(
        images, tokenizer, SmolVLMVideoProcessor(), image_seq_len=4, chat_template=tokenizer.chat_template
    )
    text = {**TEXT, "model_type": "llama", "vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    vision = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "image_size": 32,
        "patch_size": 8,
        "initializer_range": 0.2,
    }
    config = SmolVLMConfig(
        text_config=text,
        vision_config=vision,
        scale_factor=2,
        tie_word_embeddings=True,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    )
    return _finish(lambda: SmolVLMForConditionalGeneration(config)), processor


def llava() -> tuple[Any, Any]:
    from transformers import CLIPImageProcessor, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor

    tokenizer = piece_tokenizer()
    images = CLIPImageProcessor(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    processor = LlavaProcessor(
        images,
        tokenizer,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=LLAVA,
    )
    text = {**TEXT, "model_type": "llama", "vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    vision = {
        "model_type": "clip_vision_model",
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "image_size": 28,
        "patch_size": 14,
        "projection_dim": 32,
        "initializer_range": 0.2,
    }
    config = LlavaConfig(
        text_config=text, vision_config=vision, image_token_index=tokenizer.convert_tokens_to_ids("<image>")
    )
    return _finish(lambda: LlavaForConditionalGeneration(config)), processor


def internvl() -> tuple[Any, Any]:
    from transformers import GotOcr2ImageProcessor, InternVLConfig, InternVLForConditionalGeneration, InternVLProcessor
    from transformers.models.internvl.video_processing_internvl import InternVLVideoProcessor

    named = {
        "start_image_token": "<img>",
        "end_image_token": "</img>",
        "context_image_token": "<IMG_CONTEXT>",
        "video_token": "<video>",
    }
    tokenizer = byte_tokenizer(named, CHATML.replace("IMAGE", "<IMG_CONTEXT>\n"))
    images = GotOcr2ImageProcessor(size={"height": 28, "width": 28}, min_patches=1, max_patches=3)
    processor = InternVLProcessor(
        images, tokenizer, InternVLVideoProcessor(), image_seq_length=1, chat_template=tokenizer.chat_template
    )
    text = {
        **TEXT,
        "model_type": "qwen2",
        "vocab_size": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "bos_token_id": tokenizer.bos_token_id,
    }
    vision = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "image_size": 28,
        "patch_size": 14,
        "initializer_range": 0.2,
    }
    config = InternVLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=tokenizer.context_image_token_id,
        image_seq_length=1,
        downsample_ratio=0.5,
    )
    return _finish(lambda: InternVLForConditionalGeneration(config)), processor


BUILDERS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "llama": llama,
    "gemma_like": gemma_like,
    "qwen2.5-vl": qwen25vl,
    "qwen3-vl": qwen3vl,
    "smolvlm": smolvlm,
    "llava": llava,
    "internvl": internvl,
}
SEEING = ("qwen2.5-vl", "qwen3-vl", "smolvlm", "llava", "internvl")


@cache
def built(family: str) -> tuple[Any, Any]:
    """(model, processor or tokenizer), one a family for all tests; a core adds its routing tokens to it."""
    return BUILDERS[family]()


def picture(seed: int, height: int = 48, width: int = 64) -> np.ndarray:
    """(height, width, 3) uint8 RGB noise on a coloured ground."""
    rng = np.random.default_rng(seed)
    ground = rng.integers(0, 200, 3)
    return (ground + rng.integers(0, 56, (height, width, 3))).astype(np.uint8)
