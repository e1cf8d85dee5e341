/*
 * xtts_layout.h - the GGUF file of an XTTS-v2 model: keys, tensors, shapes and types.
 *
 * The converter (xtts_gguf.h) writes this and the engine reads it; neither knows more of
 * the other. Source of names, shapes and formulas on the PyTorch side: coqui-tts 0.27,
 * TTS/tts/models/xtts.py, layers/xtts/gpt.py, hifigan_decoder.py. Numbers in brackets are
 * those of the published model; smaller models have the same keys with other numbers.
 *
 * GGUF 3, alignment 32. Every value is little-endian; u32 unless another type is said.
 *
 * Keys
 *     general.architecture          "xtts"
 *     general.type                  "model"
 *     general.name, general.license, general.source.url     strings, where given
 *     general.file_type             0 f32, 1 f16, 7 q8_0
 *     general.quantization_version  2
 *     xtts.block_count              [30] L, layers of the GPT
 *     xtts.embedding_length         [1024] D
 *     xtts.feed_forward_length      [4096] F
 *     xtts.attention.head_count     [16], also of the conditioning encoder
 *     xtts.attention.layer_norm_epsilon   f32 [1e-5]
 *     xtts.text.vocabulary          [6681] rows of text_embd
 *     xtts.text.positions           [404] rows of text_pos
 *     xtts.text.max_tokens          [402] ids of a text without start and stop: fewer
 *     xtts.text.start, .stop        [261, 0] ids that are put around a text
 *     xtts.audio.vocabulary         [1026] rows of audio_embd and audio_head
 *     xtts.audio.positions          [608] rows of audio_pos
 *     xtts.audio.max_tokens         [602] codes of one utterance at most, stop included
 *     xtts.audio.start, .stop       [1024, 1025]
 *     xtts.audio.code_stride        [1024] samples of input_hz to a code
 *     xtts.audio.input_hz, .output_hz     [22050, 24000]
 *     xtts.vocoder.embedding_length [1024] channels of its input
 *     xtts.vocoder.hop_length       [256] samples of output_hz to a frame of its input
 *     xtts.vocoder.upsample_rates   array of u32 [8 8 2 2] U stages; a kernel is 2 * rate
 *                                   wide, its padding (kernel - rate) / 2
 *     xtts.vocoder.resblock_kernels array of u32 [3 7 11] R
 *     xtts.vocoder.resblock_dilations     array of u32 [1 3 5]
 *     xtts.speaker.embedding_length [512] S
 *     xtts.speaker_encoder.mel_bands      [64]
 *     xtts.speaker_encoder.blocks   array of u32 [3 4 6 3]; strides are 1, 2, 2, 2
 *     xtts.conditioning.mel_bands   [80]
 *     xtts.conditioning.block_count [6]
 *     xtts.conditioning.group_count [32] of its group norms
 *     xtts.perceiver.block_count    [2]
 *     xtts.perceiver.head_count     [8] (64 channels each)
 *     xtts.perceiver.feed_forward_length  [2730] G, after the gate
 *     xtts.perceiver.latents        [32] P, rows of a voice's latents
 *     xtts.sampling.temperature, .top_p, .repetition_penalty      f32 [0.75 0.85 5.0]
 *     xtts.sampling.top_k           [50]
 *     xtts.cloning.latent_seconds   [30] of the references for the latents, at most
 *     xtts.cloning.chunk_seconds    [4]
 *     xtts.cloning.reference_seconds      [30] of each reference, at most
 *     xtts.cloning.normalize        bool [false] peak of 0.75 first
 *     xtts.languages                array of strings ["en" "es" ... "zh-cn" ...]
 *     xtts.character_limits         array of u32 [250 239 ... 82 ...], as languages
 *     xtts.speakers                 array of strings, N names; left out when N is 0
 *     tokenizer.ggml.model          "xtts"
 *     tokenizer.huggingface.json    vocab.json as it is. Its model is BPE with unk_token,
 *                                   its pre_tokenizer Whitespace, the rest null; its ids
 *                                   are below text.vocabulary. That much is checked.
 *     vanta.converter               VANTA_XTTS_GGUF_VERSION
 *     vanta.source.sha256           of model.pth
 *
 * Tensors, in the order of their data. Extents are ggml's: ne[0], the innermost, first; a
 * matrix {in, out} is what ggml_mul_mat takes. T is the file's type, E is f16 (f32 in f32
 * files), V is f32 (f16 in f16 files); what has no letter is f32.
 *
 * The GPT; n = 0 ... L - 1:
 *     text_embd.weight              E {D, text.vocabulary}
 *     text_pos.weight                 {D, text.positions}
 *     audio_embd.weight             E {D, audio.vocabulary}
 *     audio_pos.weight                {D, audio.positions}
 *     blk.n.attn_norm.weight, .bias   {D}                      ln_1
 *     blk.n.attn_qkv.weight         T {D, 3D}, .bias {3D}      q, k, v: D outputs each
 *     blk.n.attn_output.weight      T {D, D}, .bias {D}
 *     blk.n.ffn_norm.weight, .bias    {D}                      ln_2
 *     blk.n.ffn_up.weight           T {D, F}, .bias {F}
 *     blk.n.ffn_down.weight         T {F, D}, .bias {D}
 *     output_norm.weight, .bias       {D}                      ln_f
 *     final_norm.weight, .bias        {D}                      behind it
 *     audio_head.weight             E {D, audio.vocabulary}, .bias {audio.vocabulary}
 *
 * The vocoder. Weight norm is folded in. A convolution is {kernel, in, out}, as
 * ggml_im2col wants it; a transposed one is {in, kernel, out}: its product with
 * {in, frames} is what ggml_col2im_1d takes. i = 0 ... U - 1, C(0) [512] and C(i + 1) [256
 * 128 64 32] channels; j = 0 ... U * R - 1, block j belongs to stage j / R and has kernel
 * resblock_kernels[j % R]; m = 0, 1, 2:
 *     voc.conv_pre.weight           V {7, vocoder.embedding_length, C(0)}, .bias {C(0)}
 *     voc.cond_pre.weight           V {S, C(0)}, .bias {C(0)}            cond_layer
 *     voc.up.i.weight               V {C(i), 2 * rate, C(i + 1)}, .bias {C(i + 1)}
 *     voc.cond.i.weight             V {S, C(i + 1)}, .bias {C(i + 1)}    conds.i
 *     voc.res.j.conv1.m.weight      V {kernel, C, C}, .bias {C}          dilation m
 *     voc.res.j.conv2.m.weight      V {kernel, C, C}, .bias {C}          dilation 1
 *     voc.conv_post.weight          V {7, C(U), 1}                       no bias
 *
 * The voices, N of them (left out when N is 0), in the order of xtts.speakers:
 *     speakers.latents                {D, P, N}     gpt_cond_latent
 *     speakers.embeddings             {S, N}        speaker_embedding
 *
 * For cloning alone, last, so that a mapped file's pages are touched only then;
 * n below conditioning.block_count or perceiver.block_count, l = 1 ... 4 with channels
 * c(l) [32 64 128 256], b below speaker_encoder.blocks[l - 1]:
 *     mel_stats                       {80}
 *     cond.init.weight              E {80, D}, .bias {D}
 *     cond.n.norm.weight, .bias       {D}
 *     cond.n.qkv.weight             E {D, 3D}, .bias {3D}     per head 64 q, 64 k, 64 v
 *     cond.n.proj.weight            E {D, D}, .bias {D}
 *     perceiver.latents               {D, P}
 *     perceiver.n.q.weight          E {D, 512}                no biases
 *     perceiver.n.kv.weight         E {D, 1024}               k, then v
 *     perceiver.n.out.weight        E {512, D}
 *     perceiver.n.ffn_up.weight     E {D, 2G}, .bias {2G}     values, then gates
 *     perceiver.n.ffn_down.weight   E {G, D}, .bias {D}
 *     perceiver.norm.weight           {D}                     gamma
 *     spk.preemphasis                 {2}                     [-0.97 1]
 *     spk.window                      {400}
 *     spk.mel                         {257, 64}               a row of weights a band
 *     spk.conv.weight               V {3, 3, 1, c(1)}, .bias {c(1)}
 *     spk.bn.weight, .bias            {c(1)}
 *     spk.l.b.conv1.weight          V {3, 3, c(l - 1) or c(l), c(l)}     no bias
 *     spk.l.b.bn1.weight, .bias       {c(l)}
 *     spk.l.b.conv2.weight          V {3, 3, c(l), c(l)}                 no bias
 *     spk.l.b.bn2.weight, .bias       {c(l)}
 *     spk.l.b.se_down.weight        V {c(l), c(l) / 8}, .bias
 *     spk.l.b.se_up.weight          V {c(l) / 8, c(l)}, .bias
 *     spk.l.0.short.weight          V {c(l - 1), c(l)}                   l = 2, 3, 4
 *     spk.l.0.short_bn.weight, .bias  {c(l)}                             l = 2, 3, 4
 *     spk.attn_down.weight          V {2048, 128}, .bias {128}
 *     spk.attn_bn.weight, .bias       {128}
 *     spk.attn_up.weight            V {128, 2048}, .bias {2048}
 *     spk.out.weight                V {4096, S}, .bias {S}
 * A batch norm is stored as what it does once trained: y = weight * x + bias.
 *
 * A matrix whose rows are not whole blocks of 32 is f16 where q8_0 is said.
 */
#ifndef VANTA_CONVERT_XTTS_LAYOUT_H
#define VANTA_CONVERT_XTTS_LAYOUT_H

#include <stddef.h>

/* Counts changes of what is said above. */
#define VANTA_XTTS_GGUF_VERSION 1

#define VANTA_XTTS_ARCHITECTURE "xtts"
#define VANTA_XTTS_PERCEIVER_HEAD 64 /* channels */
#define VANTA_XTTS_NORM_EPSILON 1e-5f

/* What both sides refuse to go beyond. */
#define VANTA_XTTS_BLOCKS_MAX 64
#define VANTA_XTTS_WIDTH_MAX 4096     /* D */
#define VANTA_XTTS_INNER_MAX 16384    /* F, 2G */
#define VANTA_XTTS_VOCABULARY_MAX 65536 /* text and audio */
#define VANTA_XTTS_POSITIONS_MAX 4096
#define VANTA_XTTS_STAGES_MAX 8       /* U */
#define VANTA_XTTS_KERNELS_MAX 8      /* R */
#define VANTA_XTTS_LATENTS_MAX 256    /* P */
#define VANTA_XTTS_SPEAKERS_MAX 1024
#define VANTA_XTTS_SPEAKER_NAME_MAX 256 /* bytes, with the NUL */
#define VANTA_XTTS_LANGUAGES_MAX 64
#define VANTA_XTTS_VOCABULARY_BYTES_MAX ((size_t)16 << 20) /* vocab.json */

#endif
