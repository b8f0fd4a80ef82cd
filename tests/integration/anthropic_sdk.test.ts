// The `@anthropic-ai/sdk` package from npm, unmodified, against /v1/messages.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { Grid } from "./support/grid.ts";

let grid: Grid;
let client: Anthropic;
const messages = [{ role: "user" as const, content: "What is GoGrid?" }];

before(async () => {
  grid = await Grid.withWorkers(1);
  client = new Anthropic({ baseURL: grid.url, apiKey: grid.adminKey, maxRetries: 0 });
});

test("a message answers with text and usage", async () => {
  const answer = await client.messages.create({ model: "gogrid-sample", max_tokens: 60, messages });
  const block = answer.content[0]!;
  assert.ok(block.type === "text" && /GoGrid/.test(block.text));
  assert.ok(answer.usage.output_tokens > 0);
});

test("a stream ends with the final message", async () => {
  const stream = client.messages.stream({ model: "gogrid-sample", max_tokens: 60, messages });
  let deltas = 0;
  stream.on("text", () => (deltas += 1));
  const final = await stream.finalMessage();
  assert.equal(final.role, "assistant");
  assert.ok(deltas > 3);
});

test("an unknown model is its NotFoundError in Anthropic's form", async () => {
  await assert.rejects(client.messages.create({ model: "nothing", max_tokens: 5, messages }), (error) => {
    assert.ok(error instanceof Anthropic.NotFoundError);
    assert.equal((error.error as any).error.type, "not_found_error");
    return true;
  });
});
