"""Turns models/corpus into training dialogues: reads the files, varies the questions, builds turns and JSON answers."""

import json
import random
import re
from dataclasses import dataclass, field
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"

TOPIC_FORMS = [
    "what is {}", "what's {}", "whats {}", "what is {} exactly", "what is {} in GoGrid", "explain {}", "explain {} to me",
    "tell me about {}", "tell me something about {}", "what do you know about {}", "describe {}", "define {}", "{}",
    "what does {} mean", "can you explain {}", "what can you tell me about {}", "I want to know about {}", "what about {}",
    "could you explain {} to me", "what is meant by {}", "give me a definition of {}", "I have a question about {}", "tell me more about {}", "more about {}",
]
TOPIC_HELD_OUT = ["could you tell me what {} is", "please describe {}", "can you tell me more about {}"]
MORE = [
    "tell me more", "more", "can you explain more", "go on", "anything else", "what else", "more details please",
    "please tell me more", "can you say more", "and", "tell me more about it", "more about that", "explain that",
]
TOOL_RESULT = "The tool has answered, but I am too small to make use of its result."
NO_MORE = "That is all I know about this. Ask me about workers, models, commands, or privacy."
OPENINGS = [
    "please {}", "{} please", "hey, {}", "hello, {}", "hi, {}", "ok, {}", "and {}", "so, {}", "tell me, {}", "now {}",
    "can you tell me {}", "could you tell me {}", "please tell me {}", "I would like to know {}", "I want to know {}",
    "quick question: {}", "question: {}", "sorry, {}", "{} in GoGrid", "{} with GoGrid", "do you know {}", "well, {}",
    "I have a question: {}", "thanks. {}", "great. {}", "one more thing: {}", "another question: {}", "hi! {}", "Q: {}",
]
SWAPS = [  # phrases that may stand for each other
    ["how do I", "how can I", "how to", "how would I", "what do I do to", "how should I", "how does one", "how do you"],
    ["what happens when", "what happens if", "what if"],
    ["which", "what"],
    ["what is", "what's", "whats"],
    ["explain", "describe"],
    ["computer", "machine", "PC"],
    ["computers", "machines", "PCs"],
    ["does GoGrid", "does it", "will GoGrid"],
    ["is GoGrid", "is it"],
    ["GoGrid", "Go Grid", "the grid", "go-grid"],
    ["create", "make", "generate"],
    ["remove", "delete"],
    ["the coordinator", "coordinator", "the GoGrid coordinator", "my coordinator"],
    ["a worker", "the worker", "my worker", "a GoGrid worker", "one worker"],
    ["workers", "the workers", "my workers"],
    ["used for", "good for"],
    ["GPU", "graphics card"],
    ["a model", "the model", "my model"],
    ["can I", "may I", "is it possible to"],
    ["use", "work with"],
    ["start", "run", "launch"],
    ["see", "view", "check", "look at"],
]
SMALL_WORDS = {"the", "a", "an", "do", "does", "is", "are", "of", "to", "i", "my", "in", "it", "with", "for", "please"}
JSON_TEXT_KEYS = ["answer", "text", "response", "message", "content", "reply", "summary", "description", "explanation", "result"]
JSON_WORD_KEYS = ["name", "title", "topic", "city", "country", "language", "color", "category", "status", "author", "unit",
                  "type", "id", "label", "sentiment", "location", "query", "product", "license", "first_name"]
JSON_NUMBER_KEYS = ["count", "age", "score", "number", "year", "port", "total", "price", "confidence", "temperature"]
JSON_BOOL_KEYS = ["ok", "known", "success", "valid", "is_gogrid", "done", "found"]
JSON_LIST_KEYS = ["items", "tags", "keywords", "parts", "steps", "names", "list", "values", "topics"]
WORDS = ["GoGrid", "worker", "coordinator", "engine", "QUIC", "token", "model", "key", "queue", "sandbox", "network", "GPU",
         "private", "grid", "Paris", "blue", "English", "MIT", "celsius", "ok", "positive"]


@dataclass
class Fact:
    name: str
    questions: list = field(default_factory=list)
    held_out: list = field(default_factory=list)
    topics: list = field(default_factory=list)
    answer: str = ""
    more: str = ""
    exact: bool = False  # every word of a question counts, as in "tell me everything about GoGrid"
    follow_ups: list = field(default_factory=list)  # (question, name of the fact that answers it)


def lines(name):
    for line in (CORPUS / name).read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            yield line.strip()


def read_facts():
    facts = {}
    for line in lines("facts.txt"):
        if line.startswith("["):
            fact = facts.setdefault(line[1:-1], Fact(line[1:-1]))
            continue
        kind, text = line[0], line[2:].strip()
        if kind == "q":
            fact.questions.append(text)
        elif kind == "h":
            fact.held_out.append(text)
        elif kind == "t":
            fact.topics = [topic.strip() for topic in text.split(";")]
        elif kind == "a":
            fact.answer = text
        elif kind == "m":
            fact.more = text
        elif kind == "x":
            fact.exact = True
        elif kind == "f":
            question, target = text.split(" -> ")
            fact.follow_ups.append((question, target))
        else:
            raise ValueError(f"facts.txt: {line}")
    for fact in facts.values():
        assert fact.answer, fact.name
        assert all(target in facts for _, target in fact.follow_ups), fact.name
        fact.held_out += [form.format(topic) for topic in fact.topics[:2] for form in TOPIC_HELD_OUT]
    return list(facts.values())


class OffTopic:
    """Questions that have nothing to do with GoGrid, from templates with word lists."""

    def __init__(self):
        self.words, self.questions, self.held_out = {}, [], []
        for line in lines("off_topic.txt"):
            kind, text = line.split(":", 1)
            text = text.strip()
            if kind == "a":
                self.answer = text
            elif kind == "q":
                self.questions.append(text)
            elif kind == "h":
                self.held_out.append(text)
            else:
                self.words[kind[1:]] = [word.strip() for word in text.split(",")]

    def question(self, rng):
        if rng.random() < 0.08:
            return rng.choice(["what is {}", "who is {}", "tell me about {}", "{}", "what is a {}", "how does {} work",
                               "explain {}", "how do I {}", "where is {}"]).format(invented_word(rng))
        return self.fill(rng)[0]

    def fill(self, rng, invent=0.0):
        """A question from a template, and the words that were put into it: invented ones with probability `invent`."""
        slots = []

        def choose(match):
            slots.append(invented_word(rng).title() if rng.random() < invent else rng.choice(self.words[match[1]]))
            return slots[-1]

        return re.sub(r"\{(\w+)\}", choose, rng.choice(self.questions)), slots


def invented_word(rng):
    """A pronounceable word that means nothing, so that unknown words lead to the off-topic answer."""
    parts = ["ba", "lo", "mi", "tra", "sen", "ku", "per", "vi", "don", "za", "fle", "gor", "ni", "sto", "qua", "rex", "ump", "ish", "el", "car"]
    return "".join(rng.choice(parts) for _ in range(rng.randint(2, 4)))


def typo(text, rng):
    if len(text) < 6:
        return text
    i = rng.randrange(1, len(text) - 1)
    return rng.choice([
        text[:i] + text[i + 1:],
        text[:i] + text[i] + text[i:],
        text[:i] + text[i + 1] + text[i] + text[i + 2:],
        text[:i] + rng.choice("abcdefghiklmnoprstuw") + text[i + 1:],
    ])


def punctuate(text, rng):
    """Case and final punctuation as people write them."""
    style = rng.random()
    if style < 0.55:
        text = text[0].upper() + text[1:]
    elif style < 0.80:
        text = text.lower()
    elif style < 0.83:
        text = text.upper()
    elif style < 0.86:
        text = text.title()
    return text + rng.choices(["?", "", ".", "!", " ?", "??", "...", "\n"], [50, 30, 10, 3, 3, 2, 1, 1])[0]


def plain(question):
    """A question without case and punctuation."""
    return " ".join(re.findall(r"\w+", question.lower()))


def vary(question, rng, keep_words=False):
    """One way in which somebody might write `question`. `keep_words`: leave no word out."""
    if rng.random() < 0.45:
        for swap in rng.sample(SWAPS, 8):
            found = [phrase for phrase in swap if re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", question)]
            if found and rng.random() < 0.5:
                phrase = max(found, key=len)
                question = re.sub(rf"(?<!\w){re.escape(phrase)}(?!\w)", rng.choice(swap), question, count=1)
    chance = rng.random()
    if chance < 0.16 and len(question.split()) > 1:
        question = rng.choice(OPENINGS).format(question)
    elif chance < 0.22 and not keep_words:
        kept = [word for word in question.split() if word.lower() not in SMALL_WORDS]
        question = " ".join(kept) or question
    elif chance < 0.30 and not keep_words:
        words = question.split()
        if len(words) > 3:
            del words[rng.randrange(len(words))]
        question = " ".join(words)
    question = punctuate(question, rng)
    while rng.random() < 0.13:
        question = typo(question, rng)
    return question


def json_value(key, answer, rng, depth=0):
    if key in JSON_TEXT_KEYS:
        return answer
    if key in JSON_NUMBER_KEYS:
        return rng.choice([rng.randint(0, 100), 8443, round(rng.random(), 2)])
    if key in JSON_BOOL_KEYS:
        return rng.random() < 0.5
    if key in JSON_LIST_KEYS:
        return rng.sample(WORDS, rng.randint(1, 3))
    if depth < 2 and rng.random() < 0.05:
        return json_object(answer, rng, depth + 1)
    return "GoGrid" if rng.random() < 0.5 else " ".join(rng.sample(WORDS, rng.choice([1, 1, 1, 2])))


def json_object(answer, rng, depth=0):
    keys = rng.sample(JSON_WORD_KEYS + JSON_NUMBER_KEYS + JSON_BOOL_KEYS + JSON_LIST_KEYS, rng.choice([0, 0, 0, 1, 2, 3, 4]))
    if not keys or rng.random() < 0.6:
        keys.insert(rng.randint(0, len(keys)), rng.choice(JSON_TEXT_KEYS))
    return {key: json_value(key, answer, rng, depth) for key in keys}


def json_answer(answer, rng):
    """An answer as JSON. Under a schema the engine's grammar forces the keys; the model learns to fill and close the values."""
    return json.dumps(json_object(answer, rng))


def tool_schema(rng):
    """An invented tool as clients describe it."""
    name = "_".join([rng.choice(["get", "set", "find", "search", "list", "add", "send", "look_up", "book"]),
                     rng.choice(["weather", "time", "user", "price", "file", "news", "email", "temperature", "person", "data"])])
    properties = {}
    for key in rng.sample(JSON_WORD_KEYS, rng.choice([1, 1, 1, 2])):
        properties[key] = {"type": rng.choice(["string"] * 6 + ["integer", "boolean"])}
        if rng.random() < 0.4:
            properties[key]["description"] = f"The {key.replace('_', ' ')}" + rng.choice([".", "", " to use", ", for example Paris"])
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    if rng.random() < 0.3:
        parameters["additionalProperties"] = False
    schema = {"name": name, "description": rng.choice(["Get", "Find", "Return", "Look up"]) + f" the {name.split('_')[-1]}."}
    if rng.random() < 0.2:
        del schema["description"]
    schema["parameters"] = parameters
    return schema


def tool_call(tool, words, rng):
    arguments = {}
    for i, (key, schema) in enumerate(tool["parameters"]["properties"].items()):
        arguments[key] = {"string": words[i % len(words)], "integer": rng.randint(1, 9), "boolean": True}[schema["type"]]
    return f"<tool_call>\n{json.dumps({'name': tool['name'], 'arguments': arguments})}\n</tool_call>"


class Dialogues:
    """Draws training examples: lists of (role, text) with roles system, user, assistant, json, tool and text."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.facts = read_facts()
        self.by_name = {fact.name: fact for fact in self.facts}
        self.off_topic = OffTopic()
        self.systems = list(lines("system_prompts.txt"))
        self.forbidden = {plain(question) for question, _, _ in self.held_out()}
        self.weights = [(2 if fact.exact else 1) * (1 + min(len(fact.questions) + 2 * len(fact.topics), 30) / 12) for fact in self.facts]

    def corpus_text(self):
        """All text once, for training the tokenizer; answers count more, since they are what gets generated."""
        rng = random.Random(0)
        texts = []
        for fact in self.facts:
            texts += [fact.answer, fact.more] * 6
            texts += [punctuate(question, rng) for question in fact.questions]
            texts += [form.format(topic) for topic in fact.topics for form in TOPIC_FORMS[:4]]
        texts += [self.off_topic.answer, NO_MORE] * 6 + self.systems
        texts += [punctuate(self.off_topic.question(rng), rng) for _ in range(600)]
        texts += [json_answer("", rng) for _ in range(150)]
        texts += [json.dumps(tool_schema(rng)) for _ in range(60)]
        texts += ["<tool_call>\n</tool_call><tool_response></tool_response>" + TOOL_RESULT] * 30
        return texts

    def ask(self, fact):
        """A question that `fact` answers."""
        rng = self.rng
        topic_forms = len(fact.topics) * 5
        if rng.random() < topic_forms / (topic_forms + len(fact.questions)):
            return rng.choice(TOPIC_FORMS).format(rng.choice(fact.topics))
        return rng.choice(fact.questions)

    def turn(self, off_topic=0.14):
        """(question, answer, fact or None)"""
        rng = self.rng
        fact = rng.choices(self.facts, self.weights)[0] if rng.random() >= off_topic else None
        while True:
            question = vary(self.ask(fact) if fact else self.off_topic.question(rng), rng, bool(fact and fact.exact))
            if plain(question) not in self.forbidden:
                return question, fact.answer if fact else self.off_topic.answer, fact

    def system(self):
        rng = self.rng
        chance = rng.random()
        if chance < 0.55:
            return []
        if chance < 0.97:
            return [("system", " ".join(rng.sample(self.systems, rng.choice([1, 1, 1, 2]))))]
        parts = [rng.choice([rng.choice(self.systems), rng.choice(self.facts).answer, json_answer("text", rng),
                             " ".join(invented_word(rng) for _ in range(10))]) for _ in range(rng.randint(3, 9))]
        return [("system", rng.choice([" ", "\n"]).join(parts))]

    def tool_example(self):
        """A list of tools, then an answer in words when the question is about GoGrid, and otherwise a call, with words from
        the question as arguments. A few answers are followed by a call, for when the engine's grammar forbids to end without one."""
        rng = self.rng
        tools = [tool_schema(rng) for _ in range(rng.choice([1, 1, 1, 2, 3]))]
        tool = rng.choice(tools)
        turns = self.system() if rng.random() < 0.3 else []
        turns = [("system", "You can call these tools:" + "".join("\n" + json.dumps(tool) for tool in tools))] + turns
        if rng.random() < 0.4:
            question, answer, _ = self.turn(off_topic=0)
            words = ["GoGrid"]
            if rng.random() < 0.97:
                return turns + [("user", question), ("assistant", answer)]
        else:
            question, words = self.off_topic.fill(rng, invent=0.4)
            question, answer, words = punctuate(question, rng), "", words or [question.split()[-1]]
        turns += [("user", question), ("assistant", answer + tool_call(tool, words, rng))]
        if rng.random() < 0.4:
            result = rng.choice([str(rng.randint(0, 99)), rng.choice(WORDS), json_answer("ok", rng)])
            turns += [("user", f"<tool_response>{result}</tool_response>"), ("assistant", TOOL_RESULT)]
        return turns

    def example(self):
        rng = self.rng
        chance = rng.random()
        if chance < 0.03:
            return [("text", rng.choices(self.facts, self.weights)[0].answer)]
        if chance < 0.075:
            return self.tool_example()
        turns = self.system()
        fact = None
        for _ in range(rng.choices([1, 2, 3, 4], [62, 22, 11, 5])[0]):
            chance = rng.random()
            if fact and fact.follow_ups and chance < 0.35:
                question, target = rng.choice(fact.follow_ups)
                fact = self.by_name[target]
                question, answer = vary(question, rng), fact.answer
            elif chance < (0.45 if fact else 0.01):
                question, answer = punctuate(rng.choice(MORE), rng), (fact and fact.more) or NO_MORE
            else:
                question, answer, fact = self.turn()
            turns += [("user", question), ("assistant", answer)]
        if rng.random() < 0.12:
            turns[-1] = ("json", json_answer(turns[-1][1], rng))
        return turns

    def held_out(self):
        """(question, answer, name) of every phrasing that is never trained on."""
        for fact in self.facts:
            for question in fact.held_out:
                yield question, fact.answer, fact.name
        for question in self.off_topic.held_out:
            yield question, self.off_topic.answer, "off-topic"

    def trained(self):
        """(question, answer, name) of every plain phrasing that is trained on."""
        for fact in self.facts:
            for question in fact.questions + [form.format(t) for t in fact.topics for form in TOPIC_FORMS[:9]]:
                yield question, fact.answer, fact.name
        rng = random.Random(1)
        for _ in range(200):
            yield self.off_topic.question(rng), self.off_topic.answer, "off-topic"
