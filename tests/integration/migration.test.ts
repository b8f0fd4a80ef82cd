// A worker is killed in the middle of an answer: another one goes on, and the client sees a pause and nothing else. Real engines,
// the sample model, SIGKILL.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { request } from "node:https";
import { eventually, Grid, type Worker } from "./support/grid.ts";

const model = "gogrid-sample";
const question = "Tell me about GoGrid and its workers.";
let grid: Grid;
const byId = new Map<string, Worker>();

before(async () => {
  grid = await Grid.withWorkers(3, '[workers]\nbusy_timeout = "1s"\n');
  for (const worker of grid.workers) byId.set((await worker.seen()).id, worker);
});

/** The data of each event, as it came. */
interface Stream {
  events: string[];
  error?: string;
}

/** May do something after each event, and is waited for. `first` is the worker that began. */
type OnEvent = (count: number, events: string[], first: Worker | undefined) => Promise<void>;

async function stream(path: string, body: object, onEvent?: OnEvent): Promise<Stream> {
  const text = JSON.stringify({ ...body, stream: true });
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${grid.adminKey}`, "content-type": "application/json", "content-length": Buffer.byteLength(text) };
    const sent = request(`${grid.url}${path}`, { method: "POST", headers, ca: grid.ca, agent: false }, async (response) => {
      const events: string[] = [];
      let held = "";
      try {
        for await (const part of response.setEncoding("utf8")) {
          held += part;
          for (let end = held.indexOf("\n\n"); end >= 0; end = held.indexOf("\n\n")) {
            const data = /^data: (.*)$/m.exec(held.slice(0, end))?.[1];
            held = held.slice(end + 2);
            if (data === undefined) continue;
            events.push(data);
            await onEvent?.(events.length, events, byId.get(String(response.headers["x-gogrid-worker"])));
          }
        }
        if (response.statusCode !== 200) throw new Error(`HTTP ${response.statusCode}: ${held}`);
        assert.equal(held, "", "half an event at the end");
        resolve({ events });
      } catch (error) {
        reject(error);
      }
    });
    sent.on("error", reject);
    sent.end(text);
  });
}

const busy = async (): Promise<Worker | undefined> => {
  for (const worker of grid.workers) {
    const seen = await worker.seen();
    if (seen?.connected && (seen.replicas as any[]).some((replica) => replica.slots_busy > 0)) return worker;
  }
  return undefined;
};

/** SIGKILL, and the same worker starts again. */
async function kill(worker: Worker): Promise<void> {
  worker.program.child.kill("SIGKILL");
  await worker.program.exited;
  await worker.start().saying(/connected/);
}

/** Kills whoever serves once so many events have come. */
const killAfter = (...counts: number[]): OnEvent => async (count, _, first) => {
  if (count === counts[0]) await kill(first!);
  else if (counts.includes(count)) await kill(await eventually("a worker is busy", busy, 10));
};

// llama-server sends "null" for a token that is no text yet.
const parsed = (answer: Stream) =>
  answer.events.filter((event) => event !== "[DONE]" && event !== "null").map((event) => JSON.parse(event));
const content = (events: any[]) => events.map((event) => event.choices?.[0]?.delta?.content ?? event.choices?.[0]?.text ?? "").join("");
const usage = (events: any[]) => events.map((event) => event.usage).filter((found) => found).at(-1);

test("the engine repeats itself: the same request twice has the same answer", async () => {
  const body = { model, messages: [{ role: "user", content: question }], temperature: 0, max_tokens: 200 };
  const first = await stream("/v1/chat/completions", body);
  const second = await stream("/v1/chat/completions", body);
  assert.equal(content(parsed(first)), content(parsed(second)));
});

const questions = [question, "What is GoGrid?", "What is a worker?", "What is the coordinator?", "What is a replica?", "How do I add a model?"];

test("chat: byte for byte the same", async () => {
  for (const asked of questions) {
    const body = { model, messages: [{ role: "user", content: asked }], temperature: 0, max_tokens: 200 };
    const whole = await stream("/v1/chat/completions", body);
    const moved = await stream("/v1/chat/completions", body, killAfter(8));
    assert.equal(content(parsed(moved)), content(parsed(whole)));
    assert.equal(moved.events.at(-1), "[DONE]");
  }
  assert.ok((await grid.metric("gogrid_migrations_total", 'result="done"')) > 0);
});

test("one id, one beginning, one end and the usage of the whole, over two seams", async () => {
  const body = {
    model, messages: [{ role: "user", content: question }], temperature: 0, max_tokens: 600, ignore_eos: true, stream_options: { include_usage: true },
  };
  const whole = parsed(await stream("/v1/chat/completions", body));
  const events = parsed(await stream("/v1/chat/completions", body, killAfter(20, 70)));
  assert.equal(new Set(events.map((event) => event.id)).size, 1);
  assert.equal(events.filter((event) => event.choices[0]?.delta?.role).length, 1);
  const counts = ({ prompt_tokens, completion_tokens, total_tokens }: any) => ({ prompt_tokens, completion_tokens, total_tokens });
  assert.deepEqual(counts(usage(events)), counts(usage(whole)));
  assert.ok(events.some((event) => event.gogrid?.migrations >= 1), "the answer says that it moved");
  const finish = (all: any[]) => all.map((event) => event.choices[0]?.finish_reason).filter((reason) => reason);
  assert.deepEqual(finish(events), finish(whole));
});

test("completions: byte for byte the same, also with several prompts", async () => {
  const one = { model, prompt: "GoGrid is", temperature: 0, max_tokens: 100, ignore_eos: true };
  const whole = parsed(await stream("/v1/completions", one));
  const moved = parsed(await stream("/v1/completions", one, killAfter(30)));
  assert.equal(content(moved), content(whole));
  assert.equal(usage(moved).completion_tokens, 100);
  assert.equal(usage(moved).prompt_tokens, usage(whole).prompt_tokens);

  const two = { ...one, prompt: ["GoGrid is", "A worker is"], max_tokens: 60 };
  const of = (events: any[], index: number) => content(events.filter((event) => event.choices?.[0]?.index === index));
  const both = parsed(await stream("/v1/completions", two));
  const after = parsed(await stream("/v1/completions", two, killAfter(40)));
  for (const index of [0, 1]) assert.equal(of(after, index), of(both, index));
});

test("n > 1: each choice goes on", async () => {
  const body = { model, messages: [{ role: "user", content: question }], temperature: 0, n: 2, max_tokens: 60, ignore_eos: true };
  const events = parsed(await stream("/v1/chat/completions", body, killAfter(40)));
  const of = (index: number) => events.filter((event) => event.choices?.[0]?.index === index);
  assert.equal(content(of(0)), content(of(1)));
  assert.equal(content(of(0)), content(parsed(await stream("/v1/chat/completions", { ...body, n: 1 }))));
  for (const index of [0, 1]) assert.equal(of(index).filter((event) => event.choices[0].finish_reason === "length").length, 1);
});

const schema = {
  type: "object",
  properties: {
    name: { type: "string", maxLength: 60 },
    slots: { type: "integer" },
    tags: { type: "array", items: { type: "string", maxLength: 16 }, minItems: 3, maxItems: 6 },
  },
  required: ["name", "slots", "tags"],
  additionalProperties: false,
};
const assertFits = (text: string) => {
  const value = JSON.parse(text);
  assert.deepEqual(Object.keys(value).sort(), ["name", "slots", "tags"], text);
  assert.ok(typeof value.name === "string" && value.name.length <= 60 && Number.isInteger(value.slots), text);
  assert.ok(value.tags.length >= 3 && value.tags.every((tag: unknown) => typeof tag === "string" && tag.length <= 16), text);
};

test("a JSON schema holds over the seam, sampled as well", async () => {
  for (const temperature of [0, 1.2]) {
    for (const after of [2, 12, 22]) {
      const events = parsed(await stream("/v1/chat/completions", {
        model, messages: [{ role: "user", content: "Describe a worker as JSON." }], temperature, seed: after, max_tokens: 300,
        response_format: { type: "json_schema", json_schema: { name: "worker", schema } },
      }, killAfter(after)));
      assertFits(content(events));
    }
  }
});

const tools = [{
  type: "function",
  function: {
    name: "get_status", description: "status of a worker",
    parameters: { type: "object", properties: { worker: { type: "string", minLength: 12, maxLength: 20 }, deep: { type: "boolean" } }, required: ["worker", "deep"] },
  },
}];

test("a call of a tool goes on in its middle, under one id", async () => {
  const body = { model, messages: [{ role: "user", content: "What is the status of worker-1?" }], tools, tool_choice: "required", max_tokens: 300 };
  for (const temperature of [0, 0.8]) {
    let calls = 0;
    let killed = false;
    const events = parsed(await stream("/v1/chat/completions", { ...body, temperature, seed: 3 }, async (_, all, first) => {
      if (all.at(-1)!.includes("tool_calls") && !all.at(-1)!.includes("finish_reason\":\"tool_calls")) calls += 1;
      if (calls !== 3 || killed) return;
      killed = true;
      await kill(first!);
    }));
    assert.ok(killed, "it was in the middle of a call");
    const deltas = events.flatMap((event) => event.choices?.[0]?.delta?.tool_calls ?? []);
    assert.equal(deltas.filter((delta: any) => delta.id).length, 1);
    const call = JSON.parse(deltas.map((delta: any) => delta.function?.arguments ?? "").join(""));
    assert.ok(typeof call.worker === "string" && typeof call.deep === "boolean", JSON.stringify(call));
    assert.equal(events.map((event) => event.choices?.[0]?.finish_reason).filter((reason) => reason).at(-1), "tool_calls");
  }
});

test("Anthropic's messages and OpenAI's Responses go on in their own form", async () => {
  const messages = { model, messages: [{ role: "user", content: question }], temperature: 0, max_tokens: 80 };
  const textOf = (events: any[]) => events.map((event) => event.delta?.text ?? "").join("");
  const whole = parsed(await stream("/v1/messages", messages));
  const moved = parsed(await stream("/v1/messages", messages, killAfter(25)));
  assert.equal(textOf(moved), textOf(whole));
  assert.deepEqual(moved.map((event) => event.type).filter((type) => type !== "content_block_delta"),
    whole.map((event) => event.type).filter((type) => type !== "content_block_delta"));
  assert.equal(moved.at(-2).usage.output_tokens, whole.at(-2).usage.output_tokens);

  const responses = { model, input: question, temperature: 0, max_output_tokens: 80 };
  const all = parsed(await stream("/v1/responses", responses));
  const after = parsed(await stream("/v1/responses", responses, killAfter(25)));
  const done = (events: any[]) => events.find((event) => event.type === "response.completed").response;
  assert.equal(done(after).output[0].content[0].text, done(all).output[0].content[0].text);
  assert.equal(done(after).id, after[0].response.id);
  assert.equal(new Set(after.filter((event) => event.item_id).map((event) => event.item_id)).size, 1);
  const counts = ({ input_tokens, output_tokens, total_tokens }: any) => ({ input_tokens, output_tokens, total_tokens });
  assert.deepEqual(counts(done(after).usage), counts(done(all).usage));
});

test("a text that stops the answer is found over the seam", async () => {
  const body = { model, messages: [{ role: "user", content: question }], temperature: 0, max_tokens: 120 };
  const text = content(parsed(await stream("/v1/chat/completions", body)));
  const stop = text.slice(Math.floor(text.length * 0.6)).split(" ").slice(1, 4).join(" ");
  const whole = content(parsed(await stream("/v1/chat/completions", { ...body, stop })));
  assert.ok(whole.length < text.length);
  assert.equal(content(parsed(await stream("/v1/chat/completions", { ...body, stop }, killAfter(10)))), whole);
});

test("a worker whose owner pauses it hands its streams over, and its engines leave the memory", async () => {
  const body = { model, messages: [{ role: "user", content: question }], temperature: 0, max_tokens: 400, ignore_eos: true };
  let paused: Worker | undefined;
  const events = parsed(await stream("/v1/chat/completions", body, async (count, _, first) => {
    if (count !== 30) return;
    paused = first!;
    assert.equal((await paused.command(["pause"])).code, 0);
  }));
  // A token that is half a character has no event of its own.
  assert.ok(events.filter((event) => event.choices[0]?.delta?.content).length > 380);
  assert.equal((await paused!.status()).replicas[0].pid, 0);
  await paused!.command(["resume"]);
  await paused!.replica(model);
});

test("without another worker the stream waits for it, then says so", async () => {
  const alone = await Grid.withWorkers(1, '[workers]\nbusy_timeout = "500ms"\n[migration]\ntakeover_timeout = "1s"\n');
  const events: string[] = [];
  const before = grid;
  grid = alone;
  try {
    const answer = await stream("/v1/chat/completions", { model, messages: [{ role: "user", content: question }], max_tokens: 2000, ignore_eos: true },
      async (count) => {
        if (count === 20) {
          alone.workers[0]!.program.child.kill("SIGKILL");
          await alone.workers[0]!.program.exited;
        }
      });
    events.push(...answer.events);
  } finally {
    grid = before;
  }
  const error = JSON.parse(events.at(-1)!).error;
  assert.match(error.message, /no other one could go on with it/);
  assert.equal(error.code, "worker_lost");
});

test("many streams while workers are killed: every one completes", async () => {
  const streams = Number(process.env.MIGRATION_STREAMS ?? 24);
  let stop = false;
  let kills = 0;
  let ended = 0;
  const killing = (async () => {
    let endedBefore = 0;
    while (!stop) {
      const victim = ended >= endedBefore + 2 || kills === 0 ? await busy() : undefined;
      if (!victim) {
        await new Promise((resolve) => setTimeout(resolve, 10));
        continue;
      }
      endedBefore = ended;
      await kill(victim);
      kills += 1;
      // The next one when this one serves again, so that two of three always do, and some streams have ended.
      await victim.replica(model);
    }
  })();
  const kinds = [
    { body: { model, messages: [{ role: "user", content: question }], temperature: 0, max_tokens: 300 }, path: "/v1/chat/completions" },
    { body: { model, messages: [{ role: "user", content: "Describe a worker as JSON." }], max_tokens: 300, response_format: { type: "json_schema", json_schema: { name: "w", schema } } }, path: "/v1/chat/completions" },
    { body: { model, messages: [{ role: "user", content: "Status of worker-1?" }], tools, tool_choice: "required", max_tokens: 300 }, path: "/v1/chat/completions" },
    { body: { model, messages: [{ role: "user", content: question }], n: 2, max_tokens: 80, ignore_eos: true }, path: "/v1/chat/completions" },
    { body: { model, messages: [{ role: "user", content: question }], max_tokens: 200 }, path: "/v1/messages" },
    { body: { model, input: question, max_output_tokens: 200 }, path: "/v1/responses" },
  ];
  let next = 0;
  const failures: string[] = [];
  const texts = new Map<number, Set<string>>();
  const client = async () => {
    for (let number = next++; number < streams; number = next++) {
      const kind = number % kinds.length;
      const events = parsed(await stream(kinds[kind]!.path, kinds[kind]!.body));
      ended += 1;
      const error = events.find((event) => event.error ?? event.type === "error");
      if (error) failures.push(`stream ${number}: ${JSON.stringify(error)}\n${grid.coordinator.stderr.split("\n").filter((line) => line.includes("could not be gone on")).join("\n")}`);
      else if (kind === 1) assertFits(content(events));
      else if (kind === 0) texts.set(0, (texts.get(0) ?? new Set()).add(content(events)));
      else if (kind === 2) {
        const deltas = events.flatMap((event) => event.choices?.[0]?.delta?.tool_calls ?? []);
        // Sampled, it may talk until there is no room for the call.
        if (!events.some((event) => event.choices?.[0]?.finish_reason === "length")) {
          for (const index of new Set(deltas.map((delta: any) => delta.index as number))) {
            const parts = deltas.filter((delta: any) => delta.index === index);
            JSON.parse(parts.map((part: any) => part.function?.arguments ?? "").join(""));
            assert.equal(parts.filter((part: any) => part.id).length, 1, JSON.stringify(parts));
          }
        }
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: 4 }, client));
  } finally {
    stop = true;
    await killing;
  }
  const moved = await grid.metric("gogrid_migrations_total", 'result="done"');
  console.log(`${streams} streams, ${kills} kills, ${moved} streams moved since the start, ${texts.get(0)!.size} different greedy answers`);
  assert.deepEqual(failures, []);
  assert.equal(texts.get(0)!.size, 1, [...texts.get(0)!].join("\n"));
  assert.ok(kills > 0 && moved > 0);
});
