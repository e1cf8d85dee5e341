#!/usr/bin/env python3
"""Writes the seeds of fuzz_encoder_gguf and fuzz_wordpiece: right ones and broken ones.

usage: make_encoder_corpus.py   (writes below tests/fuzz/corpus)
"""
import json
import os
import struct

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")


def put(target, name, data):
    os.makedirs(os.path.join(HERE, target), exist_ok=True)
    with open(os.path.join(HERE, target, name), "wb") as f:
        f.write(data)


def encoder(name, which, data, cut=False):
    if not isinstance(data, bytes):
        data = json.dumps(data, separators=(",", ":")).encode()
    put("encoder_gguf", name, which + data)
    if cut:
        put("encoder_gguf", name + "-cut", which + data[: len(data) * 2 // 3])


def tokenizer(**changes):
    document = {
        "truncation": {"max_length": 128},
        "added_tokens": [
            {"id": i, "content": text, "special": True, "normalized": i == 4,
             "single_word": False}
            for i, text in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])],
        "normalizer": {"type": "BertNormalizer", "clean_text": True,
                       "handle_chinese_chars": True, "strip_accents": None,
                       "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "model": {"type": "WordPiece", "unk_token": "[UNK]",
                  "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
                  "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "a": 6,
                            "##b": 7, "caf\u00e9": 8, "\u4eca": 9}}}
    for key, value in changes.items():
        document[key] = value
    return document


def tensors(mpnet):
    own = (["attention.attn.q", "attention.attn.k", "attention.attn.v", "attention.attn.o"]
           if mpnet else ["attention.self.query", "attention.self.key",
                          "attention.self.value", "attention.output.dense"])
    norm = "attention.LayerNorm" if mpnet else "attention.output.LayerNorm"
    shapes = {"embeddings.word_embeddings.weight": [3, 4],
              "embeddings.position_embeddings.weight": [4, 4],
              "embeddings.LayerNorm.weight": [4], "embeddings.LayerNorm.bias": [4]}
    if mpnet:
        shapes["encoder.relative_attention_bias.weight"] = [2, 2]
    else:
        shapes["embeddings.token_type_embeddings.weight"] = [2, 4]
    layer = {name: [4, 4] for name in own}
    layer.update({norm: [4], "intermediate.dense": [8, 4], "output.dense": [4, 8],
                  "output.LayerNorm": [4]})
    for name, shape in layer.items():
        shapes[f"encoder.layer.0.{name}.weight"] = shape
        shapes[f"encoder.layer.0.{name}.bias"] = shape[:1]
    return shapes


def safetensors(shapes, dtype="F32", **more):
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in shapes.items():
        size = {"F32": 4, "F16": 2, "BF16": 2, "I32": 4}[dtype]
        for extent in shape:
            size *= extent
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    header.update(more)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + bytes(end)


encoder("tokenizer", b"t", tokenizer(), cut=True)
encoder("tokenizer-accents", b"t", tokenizer(
    normalizer={"type": "BertNormalizer", "strip_accents": False, "lowercase": False}))
encoder("tokenizer-bpe", b"t", tokenizer(model={"type": "BPE", "vocab": {}}))
encoder("tokenizer-ids", b"t", tokenizer(model={"vocab": {"a": 18446744073709551615}}))
encoder("tokenizer-added", b"t", tokenizer(
    added_tokens=[{"id": 60, "content": "<new>", "normalized": True}]))
encoder("tokenizer-whole-word", b"t", tokenizer(
    added_tokens=[{"id": 1, "content": "x", "single_word": True}]))
encoder("tokenizer-deep", b"t", b'{"x":' * 80)
encoder("vocab", b"v", b"[PAD]\n[UNK]\r\na\n##b\n\xff\n\ncaf\xc3\xa9")
encoder("vocab-nul", b"v", b"a\0b\n")
encoder("vocab-many", b"v", b"x\n" * 80)
for mpnet, which in ((False, b"b"), (True, b"m")):
    kind = "mpnet" if mpnet else "bert"
    good = tensors(mpnet)
    encoder(f"{kind}-head", which, safetensors(good), cut=True)
    encoder(f"{kind}-f16", which, safetensors(good, "F16"))
    encoder(f"{kind}-i32", which, safetensors(good, "I32"))
    lacking = dict(good)
    del lacking["encoder.layer.0.output.dense.bias"]
    encoder(f"{kind}-lacking", which, safetensors(lacking))
    encoder(f"{kind}-more", which, safetensors({**good, "pooler.dense.bias": [4],
                                                "encoder.layer.1.output.dense.bias": [4]}))
    encoder(f"{kind}-prefix", which, safetensors({f"{kind}." + k: v
                                                  for k, v in good.items()}))
    encoder(f"{kind}-shape", which, safetensors(
        {**good, "embeddings.word_embeddings.weight": [4, 3]}))
config = {"model_type": "bert", "num_hidden_layers": 2, "hidden_size": 64,
          "intermediate_size": 96, "num_attention_heads": 4, "vocab_size": 40,
          "max_position_embeddings": 40, "type_vocab_size": 2, "layer_norm_eps": 1e-12,
          "hidden_act": "gelu"}
encoder("config", b"c", config, cut=True)
encoder("config-mpnet", b"c", {**config, "model_type": "mpnet"})
encoder("config-huge", b"c", {**config, "hidden_size": 2**40, "vocab_size": -1})
encoder("config-types", b"c", {**config, "layer_norm_eps": [], "hidden_act": 1})
encoder("modules", b"o", [{"path": "", "type": "x.Transformer"},
                          {"path": "1_Pooling", "type": "x.Pooling"}])
encoder("modules-out", b"o", [{"path": "", "type": "x.Transformer"},
                              {"path": "../..", "type": "x.Pooling"}])
encoder("modules-words", b"o", ["x", 1, None])
encoder("pooling", b"p", {"pooling_mode": "cls"})
encoder("pooling-two", b"p", {"pooling_mode_mean_tokens": True,
                              "pooling_mode_max_tokens": True})
encoder("roles", b"r", {"cls_token": {"content": "[SEP]"}, "sep_token": None})
encoder("roles-wrong", b"r", {"cls_token": ["[SEP]"]})
encoder("weights-none", b"s", safetensors({}))
encoder("weights-other", b"s", safetensors(tensors(False)))

VOCABULARY = (b"!\xe2\x9f\xa6UNK\xe2\x9f\xa7\n![SEP]\n+<add>\nhello\nworld\n##s\nun\n##aff"
              b"\n##able\n,\n\xe4\xbb\x8a\n\xe1\x84\x92\n##\xe1\x85\xa1\n\n")
GGUF = (b"!UNK\n![SEP]\n+\xe2\x96\x81<add>\n\xe2\x96\x81hello\n\xe2\x96\x81world\ns\n"
        b"\xe2\x96\x81un\naff\nable\n\xe2\x96\x81,\n\n")
for name, text in {
        "words": b"Hello worlds, unaffable!", "special": b"a[SEP]b <ADD> [SEP",
        "korean": "\ud55c\uad6d\uc5b4 \ud558".encode(), "ideographs": "\u4eca\u65e5\u306f".encode(),
        "invalid": b"\xff\xfe\xc0\x80\xed\xa0\x80a\xe4\xbb", "marks": b"e\xcc\x81\xcc\xa3" * 20,
        "controls": bytes(range(32)) + b"a\x7f\xc2\x85", "long": b"x" * 300,
        "empty": b"", "spaces": b" \t\r\n\xe3\x80\x80" * 9}.items():
    put("wordpiece", name, b"\x06" + VOCABULARY + text)
    put("wordpiece", name + "-gguf", b"\x17" + GGUF + text)
put("wordpiece", "cased", b"\x28" + VOCABULARY + "\u0130stanbul \u03a3 HELLO".encode())
put("wordpiece", "no-text", b"\x06" + VOCABULARY)
put("wordpiece", "empty-tokens", b"\x06!\n+\x01\n##\na\n\na \x01")
