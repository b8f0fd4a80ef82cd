// Writes random tiny models in the GGUF format, version 3 (ggml's docs/gguf.md): deterministic for a seed, 40 KB or so, loaded by
// llama-server in a tenth of a second. What they say is gibberish of printable bytes that never ends by itself.
import * as fs from "node:fs";

const types = { u16: 2, u32: 4, i32: 5, f32: 6, string: 8, array: 9 } as const;
const alignment = 32;

type Value = { u16: number } | { i32: number } | { u32: number } | { f32: number } | { string: string } | { strings: string[] } | { i32s: number[] };
interface Tensor {
  name: string;
  /** Contiguous dimension first. */
  dims: number[];
  data: Float32Array;
}

export interface TinyModel {
  seed: number;
  /** What it is for; an embedding model pools by the mean. */
  purpose?: "chat" | "embedding" | "reranking";
  width?: number;
  layers?: number;
  context?: number;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
function text(value: string): Buffer {
  const bytes = Buffer.from(value, "utf8");
  return Buffer.concat([u64(bytes.length), bytes]);
}

function encode(value: Value): Buffer {
  if ("u32" in value) return Buffer.concat([u32(types.u32), u32(value.u32)]);
  if ("u16" in value) return Buffer.concat([u32(types.u16), Buffer.from(Uint16Array.of(value.u16).buffer)]);
  if ("i32" in value) return Buffer.concat([u32(types.i32), Buffer.from(Int32Array.of(value.i32).buffer)]);
  if ("string" in value) return Buffer.concat([u32(types.string), text(value.string)]);
  if ("strings" in value) {
    return Buffer.concat([u32(types.array), u32(types.string), u64(value.strings.length), ...value.strings.map(text)]);
  }
  if ("i32s" in value) {
    return Buffer.concat([u32(types.array), u32(types.i32), u64(value.i32s.length), Buffer.from(Int32Array.from(value.i32s).buffer)]);
  }
  return Buffer.concat([u32(types.f32), Buffer.from(Float32Array.of(value.f32).buffer)]);
}

function padding(length: number): Buffer {
  return Buffer.alloc((alignment - (length % alignment)) % alignment);
}

/** Standard normal numbers from a seed (mulberry32 and Box-Muller). */
function normals(seed: number): () => number {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return (((mixed ^ (mixed >>> 14)) >>> 0) + 1) / 4294967297;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** GPT-2's symbol for each byte: printable ones are themselves, the rest count up from U+0100. */
function byteSymbols(): string[] {
  const printable = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : next++));
}

type Metadata = [string, Value][];

function writeFile(file: string, metadata: Metadata, tensors: Tensor[]): void {
  const parts = [
    Buffer.from("GGUF"),
    u32(3),
    u64(tensors.length),
    u64(metadata.length),
    ...metadata.map(([key, value]) => Buffer.concat([text(key), encode(value)])),
  ];
  let offset = 0;
  for (const tensor of tensors) {
    parts.push(text(tensor.name), u32(tensor.dims.length), ...tensor.dims.map(u64), u32(0), u64(offset));
    offset += tensor.data.byteLength + padding(tensor.data.byteLength).length;
  }
  const header = Buffer.concat(parts);
  const body = tensors.map((tensor) => {
    const bytes = Buffer.from(tensor.data.buffer);
    return Buffer.concat([bytes, padding(bytes.length)]);
  });
  fs.writeFileSync(file, Buffer.concat([header, padding(header.length), ...body]));
}

export function writeTinyModel(file: string, options: TinyModel): void {
  const { metadata, tensors } = makeTinyModel(options);
  writeFile(file, metadata, tensors);
}

/** The same model in parts, as llama-gguf-split names them, in a new directory. */
export function writeSplitModel(directory: string, stem: string, parts: number, options: TinyModel): void {
  fs.mkdirSync(directory, { recursive: true });
  const { metadata, tensors } = makeTinyModel(options);
  const each = Math.ceil(tensors.length / parts);
  for (let part = 0; part < parts; part++) {
    const number = (value: number) => String(value).padStart(5, "0");
    const split: Metadata = [
      ["split.no", { u16: part }],
      ["split.count", { u16: parts }],
      ["split.tensors.count", { i32: tensors.length }],
    ];
    const file = `${directory}/${stem}-${number(part + 1)}-of-${number(parts)}.gguf`;
    writeFile(file, part === 0 ? [...metadata, ...split] : split, tensors.slice(part * each, (part + 1) * each));
  }
}

/** A LoRA adapter for tiny chat models of that width that changes much. */
export function writeTinyAdapter(file: string, seed: number, width = 32): void {
  const rank = 4;
  const random = normals(seed);
  const matrix = (name: string, dims: number[]): Tensor => ({
    name,
    dims,
    data: Float32Array.from({ length: dims[0]! * dims[1]! }, () => random()),
  });
  writeFile(
    file,
    [
      ["general.type", { string: "adapter" }],
      ["general.architecture", { string: "llama" }],
      ["adapter.type", { string: "lora" }],
      ["adapter.lora.alpha", { f32: rank }],
    ],
    ["attn_q", "attn_output"].flatMap((name) => [
      matrix(`blk.0.${name}.weight.lora_a`, [width, rank]),
      matrix(`blk.0.${name}.weight.lora_b`, [rank, width]),
    ]),
  );
}

function makeTinyModel(options: TinyModel): { metadata: Metadata; tensors: Tensor[] } {
  const { seed, width = 32, layers = 1, context = 512, purpose = "chat" } = options;
  const hidden = width * 2;
  const control = ["<|pad|>", "<|begin|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"];
  const tokens = [...control, ...byteSymbols()];
  const random = normals(seed);
  const matrix = (name: string, dims: number[]): Tensor => ({
    name,
    dims,
    data: Float32Array.from({ length: dims.reduce((product, dim) => product * dim, 1) }, () => 0.2 * random()),
  });
  const ones = (name: string, length = width): Tensor => ({ name, dims: [length], data: new Float32Array(length).fill(1) });
  // llama.cpp reranks with models of Qwen3's shape, whose heads have norms of their own and whose end is a classifier.
  const reranks = purpose === "reranking";
  const architecture = reranks ? "qwen3" : "llama";
  const heads = 2;

  // Rows of control tokens and unprintable bytes stay zero, so that greedy decoding never ends by itself and can be read.
  const output = matrix("output.weight", [width, tokens.length]);
  tokens.forEach((_, token) => {
    const byte = token - control.length;
    if (byte < 32 || byte > 126) output.data.fill(0, token * width, (token + 1) * width);
  });
  const tensors = [matrix("token_embd.weight", [width, tokens.length]), ones("output_norm.weight"), output];
  if (reranks) tensors.push(matrix("cls.output.weight", [width, 2]));
  for (let layer = 0; layer < layers; layer++) {
    const at = `blk.${layer}.`;
    tensors.push(ones(`${at}attn_norm.weight`), ones(`${at}ffn_norm.weight`));
    for (const name of ["attn_q", "attn_k", "attn_v", "attn_output"]) tensors.push(matrix(`${at}${name}.weight`, [width, width]));
    if (reranks) tensors.push(ones(`${at}attn_q_norm.weight`, width / heads), ones(`${at}attn_k_norm.weight`, width / heads));
    tensors.push(
      matrix(`${at}ffn_gate.weight`, [width, hidden]),
      matrix(`${at}ffn_up.weight`, [width, hidden]),
      matrix(`${at}ffn_down.weight`, [hidden, width]),
    );
  }

  const metadata: Metadata = [
    ["general.architecture", { string: architecture }],
    ["general.name", { string: `tiny ${seed}` }],
    [`${architecture}.context_length`, { u32: context }],
    [`${architecture}.embedding_length`, { u32: width }],
    [`${architecture}.block_count`, { u32: layers }],
    [`${architecture}.feed_forward_length`, { u32: hidden }],
    [`${architecture}.attention.head_count`, { u32: heads }],
    [`${architecture}.attention.layer_norm_rms_epsilon`, { f32: 1e-5 }],
    ...(purpose === "embedding" ? ([["llama.pooling_type", { u32: 1 }]] as [string, Value][]) : []),
    ...(reranks
      ? ([
          ["qwen3.attention.key_length", { u32: width / heads }],
          ["qwen3.attention.value_length", { u32: width / heads }],
          ["qwen3.pooling_type", { u32: 4 }],
          ["qwen3.classifier.output_labels", { strings: ["yes", "no"] }],
          ["tokenizer.chat_template.rerank", { string: "<|user|>{query}\n{document}<|end|>" }],
        ] as [string, Value][])
      : []),
    ["tokenizer.ggml.model", { string: "gpt2" }],
    ["tokenizer.ggml.pre", { string: "gpt-2" }],
    ["tokenizer.ggml.tokens", { strings: tokens }],
    ["tokenizer.ggml.merges", { strings: [] }],
    ["tokenizer.ggml.token_type", { i32s: tokens.map((_, token) => (token < control.length ? 3 : 1)) }],
    ["tokenizer.ggml.bos_token_id", { u32: 1 }],
    ["tokenizer.ggml.eos_token_id", { u32: 2 }],
  ];

  return { metadata, tensors };
}
