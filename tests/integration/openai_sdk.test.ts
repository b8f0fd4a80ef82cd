// The `openai` package from npm, unmodified, against a coordinator with one worker: what its users do works as they expect.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import OpenAI from "openai";
import { Grid } from "./support/grid.ts";
import { writeTinyModel } from "./support/tiny_gguf.ts";
import * as path from "node:path";

let grid: Grid;
let client: OpenAI;
const model = "gogrid-sample";
const question = [{ role: "user" as const, content: "What is GoGrid?" }];

before(async () => {
  grid = await Grid.withWorkers(1);
  client = grid.openai();
});

test("a chat answer is a whole sentence about GoGrid with usage", async () => {
  const answer = await client.chat.completions.create({ model, messages: question, temperature: 0 });
  const message = answer.choices[0]!.message.content!;
  assert.match(message, /GoGrid/);
  assert.match(message, /[.!]$/);
  assert.ok(answer.usage!.completion_tokens > 3);
});

test("a stream brings the same text in many chunks, with usage at the end when asked", async () => {
  const whole = await client.chat.completions.create({ model, messages: question, temperature: 0 });
  const stream = await client.chat.completions.create({
    model,
    messages: question,
    temperature: 0,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "";
  let chunks = 0;
  let usage: OpenAI.CompletionUsage | null | undefined;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    chunks += 1;
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0]!.message.content);
  assert.ok(chunks > 5, `${chunks} chunks`);
  assert.ok(usage!.total_tokens > 0);
});

test("log probabilities come with the tokens", async () => {
  const answer = await client.chat.completions.create({
    model, messages: question, temperature: 0, max_tokens: 4, logprobs: true, top_logprobs: 2,
  });
  const tokens = answer.choices[0]!.logprobs!.content!;
  assert.ok(tokens.length >= 3);
  assert.equal(tokens[0]!.top_logprobs.length, 2);
});

test("a JSON schema binds the answer", async () => {
  const answer = await client.chat.completions.create({
    model,
    messages: question,
    max_tokens: 200,
    response_format: {
      type: "json_schema",
      json_schema: {
        name: "rating",
        strict: true,
        schema: {
          type: "object",
          properties: { good: { type: "boolean" }, stars: { type: "integer", enum: [1, 2, 3] } },
          required: ["good", "stars"],
          additionalProperties: false,
        },
      },
    },
  });
  const value = JSON.parse(answer.choices[0]!.message.content!);
  assert.equal(typeof value.good, "boolean");
  assert.ok([1, 2, 3].includes(value.stars));
});

test("a required tool is called with arguments of its schema", async () => {
  const answer = await client.chat.completions.create({
    model,
    messages: question,
    max_tokens: 300,
    tool_choice: "required",
    tools: [
      {
        type: "function",
        function: {
          name: "set_light",
          description: "Switches the light",
          parameters: { type: "object", properties: { on: { type: "boolean" } }, required: ["on"], additionalProperties: false },
        },
      },
    ],
  });
  const call = answer.choices[0]!.message.tool_calls![0]!;
  assert.equal(call.type, "function");
  assert.equal((call as OpenAI.ChatCompletionMessageFunctionToolCall).function.name, "set_light");
  assert.equal(typeof JSON.parse((call as OpenAI.ChatCompletionMessageFunctionToolCall).function.arguments).on, "boolean");
});

test("plain completions and the Responses interface answer", async () => {
  const completion = await client.completions.create({ model, prompt: "GoGrid is", max_tokens: 8, temperature: 0 });
  assert.ok(completion.choices[0]!.text.length > 0);
  const response = await client.responses.create({ model, input: "What is GoGrid?", max_output_tokens: 40, temperature: 0 });
  assert.match(response.output_text, /GoGrid/);
});

test("embeddings come from an embedding model, one for each input", async () => {
  const file = path.join(grid.dir, "tiny-embedding.gguf");
  writeTinyModel(file, { seed: 1, purpose: "embedding" });
  await grid.addModel(file, "tiny-embedding");
  await grid.workers[0]!.replica("tiny-embedding");
  const answer = await client.embeddings.create({
    model: "tiny-embedding", input: ["one", "two words"], encoding_format: "float",
  });
  assert.equal(answer.data.length, 2);
  assert.ok(answer.data[0]!.embedding.length >= 32);
  assert.notDeepEqual(answer.data[0]!.embedding, answer.data[1]!.embedding);
});

test("documents are reranked by a reranking model, and a chat model refuses", async () => {
  const file = path.join(grid.dir, "tiny-reranking.gguf");
  writeTinyModel(file, { seed: 2, purpose: "reranking" });
  await grid.addModel(file, "tiny-reranking");
  await grid.workers[0]!.replica("tiny-reranking");
  const documents = ["A worker runs engines.", "Bread is baked.", "The coordinator takes requests."];
  const answer = await grid.api("POST", "/v1/rerank", { model: "tiny-reranking", query: "What is a worker?", documents });
  assert.equal(answer.status, 200, answer.text);
  const results = answer.json.results as { index: number; relevance_score: number }[];
  assert.deepEqual(results.map((result) => result.index).sort(), [0, 1, 2]);
  assert.equal(new Set(results.map((result) => result.relevance_score)).size, 3);
  const refused = await grid.api("POST", "/v1/rerank", { model, query: "What is a worker?", documents });
  assert.equal(refused.status, 400, refused.text);
  assert.match(refused.json.error.message, /rerank/);
});

test("models are listed and retrieved", async () => {
  const list = await client.models.list();
  assert.ok(list.data.some((entry) => entry.id === model && entry.object === "model"));
  assert.equal((await client.models.retrieve(model)).id, model);
});

test("each failure is the SDK's own error class, with a message", async () => {
  await assert.rejects(client.models.retrieve("no-such-model"), OpenAI.NotFoundError);
  await assert.rejects(client.chat.completions.create({ model: "no-such-model", messages: question }), (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.equal(error.code, "model_not_found");
    assert.match(error.message, /no-such-model/);
    return true;
  });
  await assert.rejects(
    client.chat.completions.create({ model, messages: "hello" as unknown as [] }),
    (error) => error instanceof OpenAI.BadRequestError && error.param === "messages",
  );
  await assert.rejects(
    grid.openai("gg_0000000000000000_wrong").chat.completions.create({ model, messages: question }),
    OpenAI.AuthenticationError,
  );
  const admin = await grid.api("POST", "/api/v1/keys", { name: "admin-only", scopes: ["admin"] });
  await assert.rejects(
    grid.openai(admin.json.key).chat.completions.create({ model, messages: question }),
    OpenAI.PermissionDeniedError,
  );
});
