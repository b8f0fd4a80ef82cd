#!/usr/bin/python3
"""Checks a sample model on a real engine: tokens, answers, JSON schemas, and tool calls.

    llama-server -m models/gogrid-sample.gguf --port 8080 &
    /usr/bin/python3 models/verify.py http://127.0.0.1:8080
"""

import json
import random
import sys
import urllib.request
from collections import Counter

from dialogue import Dialogues, vary
from train import USER, ASSISTANT, BEGIN, END, make_tokenizer

STRINGS = [
    "GoGrid is a private network.", "What's up? I'm   here,  isn't it", "port 8443!!", "line\nbreak\n\n  two", "a\tb", "  lead", "tail  ",
    '{"name": "x_1", "n": [1, 2.5]}', "https://your-coordinator:8443/v1/models", "gogrid-worker pause --help", "", " ", "...?!", "under_score __x",
    "caf\u00e9 na\u00efve \u00fc", "\u65e5\u672c\u8a9e", "smile \U0001f600!", "<tool_call>\n{}\n</tool_call>", "ALL CAPS DON'T", "x=1+2*3/4%5",
]
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "answer": {"type": "string"}, "count": {"type": "integer"},
                   "known": {"type": "boolean"}, "tags": {"type": "array", "items": {"type": "string"}}},
    "required": ["name", "answer", "count", "known", "tags"],
    "additionalProperties": False,
}
TOOLS = [{"type": "function", "function": {
    "name": "get_weather", "description": "Get the weather in a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string", "description": "Name of the city"},
                                                    "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}}, "required": ["city"]}}}]


class Server:
    def __init__(self, url):
        self.url = url.rstrip("/")

    def post(self, path, body):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as response:
            return json.load(response)

    def chat(self, messages, **options):
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        choice = self.post("/v1/chat/completions", {"messages": messages, "max_tokens": 400, **options})["choices"][0]
        return choice["message"], choice["finish_reason"]


def check_tokens(server, tokenizer, dialogues):
    texts = STRINGS + [fact.answer for fact in dialogues.facts] + [json.dumps(TOOLS)]
    wrong = [text for text in texts if server.post("/tokenize", {"content": text})["tokens"] != tokenizer.encode(text)]
    print(f"tokens: {len(texts) - len(wrong)} of {len(texts)} strings agree", *(f"\n  differs: {text!r}" for text in wrong))
    prompt = server.post("/apply-template", {"messages": [{"role": "user", "content": "Hi?"}]})["prompt"]
    ids = server.post("/tokenize", {"content": prompt, "add_special": True, "parse_special": True})["tokens"]
    expected = [BEGIN, USER, *tokenizer.encode("Hi?"), END, ASSISTANT]
    print("chat template:", "agrees" if ids == expected else f"differs: {prompt!r} {ids} {expected}")


def check_answers(server, questions, label, **options):
    right, shown = Counter(), 0
    for question, answer, name in questions:
        message, _ = server.chat(question, **options)
        right[message["content"] == answer] += 1
        if message["content"] != answer and shown < 12:
            shown += 1
            print(f"  {name}: {question!r} -> {message['content']!r}")
    print(f"{label}: {right[True]} of {sum(right.values())} answers exactly right")


def parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


def check_structured(server):
    valid = Counter()
    for question in ["What is GoGrid?", "Which port does GoGrid use?", "Who was Napoleon?", "Describe the weather in Rome as JSON."]:
        message, reason = server.chat(question, temperature=0,
                                      response_format={"type": "json_schema", "json_schema": {"name": "reply", "schema": SCHEMA, "strict": True}})
        print(f"  schema: {message['content']!r} ({reason})")
        valid["schema"] += set(parsed(message["content"]) or {}) == set(SCHEMA["properties"])
        message, reason = server.chat(question, temperature=0, response_format={"type": "json_object"})
        print(f"  object: {message['content']!r} ({reason})")
        valid["object"] += isinstance(parsed(message["content"]), dict)
        message, reason = server.chat(question, temperature=0, tools=TOOLS, tool_choice="required")
        print(f"  tools, required: {message.get('tool_calls')} ({reason})")
        valid["tool"] += any("city" in (parsed(call["function"]["arguments"]) or {}) for call in message.get("tool_calls") or [])
        message, reason = server.chat(question, temperature=0, tools=TOOLS)
        print(f"  tools, auto: {message.get('tool_calls') or message['content']!r} ({reason})")
    print(f"structured output, valid of 4: {dict(valid)}")
    call = {"id": "1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Rome"}'}}
    message, reason = server.chat([{"role": "user", "content": "What is the weather in Rome?"}, {"role": "assistant", "content": None, "tool_calls": [call]},
                                   {"role": "tool", "tool_call_id": "1", "content": "12 degrees"}], temperature=0, tools=TOOLS)
    print(f"after a tool result: {message['content']!r}")


def main():
    server = Server(sys.argv[1])
    dialogues = Dialogues(seed=7)
    rng = random.Random(7)
    check_tokens(server, make_tokenizer(dialogues), dialogues)
    held_out = list(dialogues.held_out())
    trained = list(dialogues.trained())
    written = [(question[0].upper() + question[1:] + "?", answer, name) for question, answer, name in held_out]
    check_answers(server, written, "held-out questions, greedy", temperature=0)
    check_answers(server, rng.sample(written, 60), "held-out questions, default sampling")
    check_answers(server, [(vary(question, rng), answer, name) for question, answer, name in rng.sample(trained, 100)],
                  "trained questions with variations and typos, greedy", temperature=0)
    check_structured(server)


if __name__ == "__main__":
    main()
