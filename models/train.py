#!/usr/bin/python3
"""Trains the GoGrid sample model from scratch on models/corpus and writes it as GGUF. See models/README.md.

    apt-get install python3-torch libopenblas0-pthread
    /usr/bin/python3 models/train.py --minutes 30
"""

import argparse
import math
import random
import time
from pathlib import Path

import torch
import torch.nn.functional as F

import bpe
import gguf_writer
from dialogue import Dialogues
from gguf_writer import U32

HERE = Path(__file__).parent
VOCABULARY = 1024
CONTEXT = 2048
WIDTH = 192
LAYERS = 4
HEADS = 3
HIDDEN = 512
ROPE_BASE = 10000.0
EPSILON = 1e-5
PAD, BEGIN, END, SYSTEM, USER, ASSISTANT = range(6)
SPECIALS = ["<|pad|>", "<|begin|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
ROLE = {"system": SYSTEM, "user": USER, "assistant": ASSISTANT, "json": ASSISTANT}


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()

        def linear(inputs, outputs, scale=1.0):
            layer = torch.nn.Linear(inputs, outputs, bias=False)
            torch.nn.init.normal_(layer.weight, std=scale / math.sqrt(inputs))
            return layer

        residual = 1 / math.sqrt(2 * LAYERS)
        self.attn_norm = torch.nn.Parameter(torch.ones(WIDTH))
        self.ffn_norm = torch.nn.Parameter(torch.ones(WIDTH))
        self.q, self.k, self.v = linear(WIDTH, WIDTH), linear(WIDTH, WIDTH), linear(WIDTH, WIDTH)
        self.o = linear(WIDTH, WIDTH, residual)
        self.gate, self.up = linear(WIDTH, HIDDEN), linear(WIDTH, HIDDEN)
        self.down = linear(HIDDEN, WIDTH, residual)

    def forward(self, x, rotation, mask):
        batch, length, _ = x.shape
        h = rms_norm(x, self.attn_norm)
        q, k, v = (f(h).view(batch, length, HEADS, -1).transpose(1, 2) for f in (self.q, self.k, self.v))
        scores = rotate(q, rotation) @ rotate(k, rotation).transpose(2, 3) / math.sqrt(WIDTH // HEADS)
        mixed = F.softmax(scores + mask, -1) @ v
        x = x + self.o(mixed.transpose(1, 2).reshape(batch, length, WIDTH))
        h = rms_norm(x, self.ffn_norm)
        return x + self.down(F.silu(self.gate(h)) * self.up(h))


def rms_norm(x, weight):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPSILON) * weight


def rotate(x, rotation):
    """RoPE on neighbouring pairs (0,1), (2,3), ...: what llama.cpp does for the architecture "llama"."""
    cos, sin = rotation
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


def rotation(length):
    size = WIDTH // HEADS
    angle = torch.outer(torch.arange(length).float(), ROPE_BASE ** (-torch.arange(0, size, 2) / size))
    return angle.cos(), angle.sin()


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Parameter(torch.randn(VOCABULARY, WIDTH) * 0.02)
        self.blocks = torch.nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = torch.nn.Parameter(torch.ones(WIDTH))

    def forward(self, tokens):
        """Hidden states; multiply by the embedding for logits (input and output embedding are tied)."""
        length = tokens.shape[1]
        mask = torch.full((length, length), -math.inf).triu(1)
        x = F.embedding(tokens, self.embedding)
        for block in self.blocks:
            x = block(x, rotation(length), mask)
        return rms_norm(x, self.norm)

    def logits(self, tokens):
        return self(tokens) @ self.embedding.t()


def encode(turns, tokenizer):
    """(tokens, loss weights): answers count fully, what people write and the first token of a JSON answer count a little."""
    tokens, weights = [BEGIN], [0.0]
    for role, text in turns:
        ids = tokenizer.encode(text)
        if role == "text":
            tokens += ids + [END]
            weights += [1.0] * (len(ids) + 1)
            continue
        answer = role in ("assistant", "json")
        tokens += [ROLE[role], *ids, END]
        weights += [0.0, *[1.0 if answer else 0.05] * len(ids), 1.0 if answer else 0.05]
        if role == "json":
            weights[-len(ids) - 1] = 0.02
    return tokens, weights


def prompt(question):
    return [("user", question)]


class Batches:
    """Batches of examples of similar length, at most `size` tokens with padding."""

    def __init__(self, dialogues, tokenizer, size):
        self.dialogues, self.tokenizer, self.size = dialogues, tokenizer, size
        self.rng = random.Random(2)
        self.ready = []

    def next(self):
        if not self.ready:
            pool = [encode(self.dialogues.example(), self.tokenizer) for _ in range(2000)]
            pool = sorted((p for p in pool if len(p[0]) <= 768), key=lambda p: len(p[0]))
            rows = []
            for row in pool:
                if rows and len(row[0]) * (len(rows) + 1) > self.size:
                    self.ready.append(rows)
                    rows = []
                rows.append(row)
            self.ready.append(rows)
            self.rng.shuffle(self.ready)
        rows = self.ready.pop()
        length = max(len(tokens) for tokens, _ in rows)
        tokens = torch.tensor([t + [PAD] * (length - len(t)) for t, _ in rows])
        weights = torch.tensor([w + [0.0] * (length - len(w)) for _, w in rows])
        return tokens, weights


def loss_of(model, tokens, weights):
    weights = weights[:, 1:].flatten()
    kept = weights.nonzero().squeeze(1)
    hidden = model(tokens[:, :-1]).flatten(0, 1)[kept]
    loss = F.cross_entropy(hidden @ model.embedding.t(), tokens[:, 1:].flatten()[kept], reduction="none")
    return (loss * weights[kept]).sum() / weights.sum()


@torch.no_grad()
def accuracy(model, tokenizer, questions):
    """Share of (question, answer, name) whose whole answer greedy decoding reproduces, and the ones it does not."""
    rows = []
    for question, answer, name in questions:
        start = len(encode(prompt(question), tokenizer)[0]) + 1
        tokens, _ = encode(prompt(question) + [("assistant", answer)], tokenizer)
        rows.append((tokens, start, question, name))
    rows.sort(key=lambda row: len(row[0]))
    wrong = []
    for i in range(0, len(rows), 32):
        part = rows[i:i + 32]
        length = len(part[-1][0])
        guesses = model.logits(torch.tensor([t + [PAD] * (length - len(t)) for t, *_ in part])).argmax(-1).tolist()
        for (tokens, start, question, name), guess in zip(part, guesses):
            if guess[start - 1:len(tokens) - 1] != tokens[start:]:
                wrong.append((question, name))
    return 1 - len(wrong) / len(rows), wrong


def report(model, tokenizer, dialogues, show=0):
    """Prints accuracy on plain phrasings, as written and in the form "Question?"."""
    for label, source in (("trained", list(dialogues.trained())), ("held out", list(dialogues.held_out()))):
        if label == "trained" and not show:
            source = source[::8]
        source = [*source, *((q[0].upper() + q[1:] + "?", a, n) for q, a, n in source)]
        share, wrong = accuracy(model, tokenizer, source)
        print(f"  {label}: {share:.1%} of {len(source)} answers exactly right", flush=True)
        for question, name in wrong[:show]:
            print(f"    wrong: {name}: {question}")


def metadata(tokenizer):
    return {
        "general.architecture": "llama",
        "general.type": "model",
        "general.name": "GoGrid Sample",
        "general.author": "GoGrid",
        "general.organization": "GoGrid",
        "general.version": "1",
        "general.description": "A toy that answers simple questions about GoGrid and knows nothing else. "
                               "Trained from scratch on text that the GoGrid project wrote.",
        "general.license": "mit",
        "general.license.name": "MIT License",
        "general.languages": ["en"],
        "general.tags": ["text-generation", "sample"],
        "general.file_type": U32(1),  # mostly F16
        "general.quantization_version": U32(2),
        "llama.context_length": U32(CONTEXT),
        "llama.embedding_length": U32(WIDTH),
        "llama.block_count": U32(LAYERS),
        "llama.feed_forward_length": U32(HIDDEN),
        "llama.attention.head_count": U32(HEADS),
        "llama.attention.head_count_kv": U32(HEADS),
        "llama.attention.layer_norm_rms_epsilon": EPSILON,
        "llama.rope.dimension_count": U32(WIDTH // HEADS),
        "llama.rope.freq_base": ROPE_BASE,
        "llama.vocab_size": U32(VOCABULARY),
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": tokenizer.tokens,
        "tokenizer.ggml.token_type": [3] * len(SPECIALS) + [1] * (VOCABULARY - len(SPECIALS)),  # 3: control
        "tokenizer.ggml.merges": [f"{a} {b}" for a, b in tokenizer.merges],
        "tokenizer.ggml.bos_token_id": U32(BEGIN),
        "tokenizer.ggml.eos_token_id": U32(END),
        "tokenizer.ggml.eot_token_id": U32(END),
        "tokenizer.ggml.padding_token_id": U32(PAD),
        "tokenizer.ggml.add_bos_token": True,
        "tokenizer.ggml.add_eos_token": False,
        "tokenizer.chat_template": (HERE / "chat_template.jinja").read_text().strip(),
    }


def export(model, tokenizer, path):
    tensors = {"token_embd.weight": model.embedding, "output_norm.weight": model.norm}
    for i, block in enumerate(model.blocks):
        tensors |= {
            f"blk.{i}.attn_norm.weight": block.attn_norm,
            f"blk.{i}.attn_q.weight": block.q.weight,
            f"blk.{i}.attn_k.weight": block.k.weight,
            f"blk.{i}.attn_v.weight": block.v.weight,
            f"blk.{i}.attn_output.weight": block.o.weight,
            f"blk.{i}.ffn_norm.weight": block.ffn_norm,
            f"blk.{i}.ffn_gate.weight": block.gate.weight,
            f"blk.{i}.ffn_up.weight": block.up.weight,
            f"blk.{i}.ffn_down.weight": block.down.weight,
        }
    gguf_writer.write(path, metadata(tokenizer), tensors)


def make_tokenizer(dialogues):
    merges = bpe.learn(dialogues.corpus_text(), VOCABULARY - len(SPECIALS) - 256)
    return bpe.Tokenizer(SPECIALS, merges)


def train(model, batches, seconds, peak_rate, on_report):
    """Until `seconds` have passed: the learning rate follows the clock, so a slower machine takes fewer steps."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
                                  lr=peak_rate, betas=(0.9, 0.95))
    start, step, seen, smooth, next_report = time.monotonic(), 0, 0, None, 60
    while (passed := time.monotonic() - start) < seconds:
        rate = peak_rate * min((step + 1) / 100, 0.02 + 0.98 * (1 + math.cos(math.pi * passed / seconds)) / 2)
        for group in optimizer.param_groups:
            group["lr"] = rate
        tokens, weights = batches.next()
        loss = loss_of(model, tokens, weights)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step, seen = step + 1, seen + tokens.numel()
        smooth = loss.item() if smooth is None else 0.98 * smooth + 0.02 * loss.item()
        if step % 50 == 0 or step == 1:
            print(f"{passed:6.0f} s  step {step}  loss {smooth:.4f}  {seen / (time.monotonic() - start):.0f} tokens/s", flush=True)
        if passed > next_report:
            next_report = passed + max(90, seconds / 7)
            on_report()
    return step, seen


def load(model, tokenizer, path):
    """Weights of an earlier run. A changed corpus changes the tokenizer: embeddings follow their token's text."""
    saved = torch.load(path)
    old = {token: i for i, token in enumerate(saved["tokens"])}
    embedding = model.embedding.detach().clone()
    for i, token in enumerate(tokenizer.tokens):
        if token in old:
            embedding[i] = saved["weights"]["embedding"][old[token]]
    model.load_state_dict(saved["weights"] | {"embedding": embedding})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=2048, help="tokens in a batch")
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--out", default=str(HERE / "gogrid-sample.gguf"))
    parser.add_argument("--checkpoint", help="file to keep the weights in (and to start from, with --resume)")
    parser.add_argument("--resume", action="store_true")
    args = parser.parse_args()

    torch.manual_seed(0)
    torch.set_num_threads(args.threads)
    dialogues = Dialogues(seed=0)
    tokenizer = make_tokenizer(dialogues)
    model = Model()
    if args.resume:
        load(model, tokenizer, args.checkpoint)
    print(f"{sum(p.numel() for p in model.parameters())} parameters, {len(tokenizer.tokens)} tokens, {len(dialogues.facts)} facts", flush=True)
    step, seen = train(model, Batches(dialogues, tokenizer, args.batch), args.minutes * 60, args.rate,
                       lambda: report(model, tokenizer, dialogues))
    print(f"{step} steps, {seen} tokens")
    for parameter in model.parameters():  # what the file holds
        if parameter.dim() > 1:
            parameter.data = parameter.data.half().float()
    report(model, tokenizer, dialogues, show=40)
    if args.checkpoint:
        torch.save({"tokens": tokenizer.tokens, "weights": model.state_dict()}, args.checkpoint)
    export(model, tokenizer, args.out)
    print(f"{args.out}: {Path(args.out).stat().st_size} bytes")


if __name__ == "__main__":
    main()
