"""Byte-level BPE as GPT-2 defines it: what llama.cpp calls tokenizer model "gpt2", pre-tokenizer "gpt-2"."""

import re
from collections import Counter, defaultdict

# GPT-2's pre-tokenizer. The corpus is ASCII, so [^\W\d_] stands for \p{L} and \d for \p{N}.
WORD = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")


def byte_symbols():
    """GPT-2's table from a byte to a printable character: vocabularies are written with these."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {byte: chr(byte) for byte in printable}
    spare = 256
    for byte in range(256):
        if byte not in table:
            table[byte] = chr(spare)
            spare += 1
    return table


SYMBOL = byte_symbols()


def split(text):
    """Pre-tokenized words of `text`, as strings of byte symbols."""
    return ["".join(SYMBOL[b] for b in word.encode()) for word in WORD.findall(text)]


def learn(texts, merge_count):
    """The `merge_count` most frequent merges, in order. Ties go to the smaller pair, so a run repeats exactly."""
    words = Counter(word for text in texts for word in split(text))
    parts = {word: list(word) for word in words}
    pairs, where = Counter(), defaultdict(set)
    for word, symbols in parts.items():
        for pair in zip(symbols, symbols[1:]):
            pairs[pair] += words[word]
            where[pair].add(word)
    merges = []
    while len(merges) < merge_count and pairs:
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        if pairs[best] < 2:
            break
        merges.append(best)
        for word in list(where[best]):
            for pair in zip(parts[word], parts[word][1:]):
                pairs[pair] -= words[word]
                where[pair].discard(word)
            parts[word] = merge(parts[word], best)
            for pair in zip(parts[word], parts[word][1:]):
                pairs[pair] += words[word]
                where[pair].add(word)
        del pairs[best]
    return merges


def merge(symbols, pair):
    out, i = [], 0
    while i < len(symbols):
        if tuple(symbols[i:i + 2]) == pair:
            out.append(symbols[i] + symbols[i + 1])
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return out


class Tokenizer:
    """Special tokens first, then the 256 bytes, then one token per merge."""

    def __init__(self, specials, merges):
        self.specials = specials
        self.merges = merges
        self.tokens = [*specials, *(SYMBOL[b] for b in range(256)), *(a + b for a, b in merges)]
        assert len(set(self.tokens)) == len(self.tokens)
        self.ids = {token: i for i, token in enumerate(self.tokens)}
        self.rank = {pair: i for i, pair in enumerate(merges)}
        self.cache = {}

    def encode(self, text):
        """Token ids of plain text; special tokens are not parsed."""
        return [token for word in split(text) for token in self.encode_word(word)]

    def encode_word(self, word):
        if word not in self.cache:
            symbols = list(word)
            while len(symbols) > 1:
                best = min(zip(symbols, symbols[1:]), key=lambda p: self.rank.get(p, len(self.rank)))
                if best not in self.rank:
                    break
                symbols = merge(symbols, best)
            self.cache[word] = [self.ids[s] for s in symbols]
        return self.cache[word]

    def decode(self, ids):
        byte = {symbol: b for b, symbol in SYMBOL.items()}
        out = bytearray()
        for i in ids:
            token = self.tokens[i]
            out += token.encode() if token in self.specials else bytes(byte[c] for c in token)
        return out.decode(errors="replace")
