// The engine that means harm (tests/support/hostile_engine.cpp), as a program and as a bundle like any other; one that takes much of
// a GPU; and one whose GPU goes away.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { binDir } from "./grid.ts";

export const hostileEngine = path.join(binDir, "hostile_engine");

/** gogrid-engine.json and the one program. */
export function hostileBundle(dir: string): string {
  const root = path.join(dir, "hostile");
  for (const folder of ["usr/bin", "proc", "dev", "tmp", "run/gogrid", "models", "sys"]) {
    fs.mkdirSync(path.join(root, folder), { recursive: true });
  }
  fs.copyFileSync(hostileEngine, path.join(root, "usr/bin/llama-server"));
  fs.chmodSync(path.join(root, "usr/bin/llama-server"), 0o755);
  const manifest = {
    format: 1,
    name: "hostile",
    version: "1",
    flavour: "cpu",
    target: os.arch() === "arm64" ? "linux-aarch64" : "linux-x86_64",
    executable: "/usr/bin/llama-server",
    env: {},
  };
  fs.writeFileSync(path.join(root, "gogrid-engine.json"), JSON.stringify(manifest));
  const bundle = path.join(dir, "hostile-1.tar.zst");
  const packed = spawnSync("tar", ["--zstd", "-cf", bundle, "-C", root, "."]);
  assert.equal(packed.status, 0, String(packed.stderr));
  return bundle;
}

/** An engine that says of its one GPU that it took so much. */
export function greedyEngine(dir: string, mebibytes: number, gpu = "A card"): string {
  const file = path.join(dir, "greedy_engine.mjs");
  const script = `#!${process.execPath}
import * as http from "node:http";
if (process.argv.includes("--list-devices")) {
  console.log("Available devices:\\n  GPU0: ${gpu} (8000 MiB, 8000 MiB free)");
} else {
  const socket = process.argv[process.argv.indexOf("--host") + 1];
  http.createServer((request, response) => response.end("{}")).listen(socket, () => {
    console.log("0.1 I load_tensors: GPU0 model buffer size = ${mebibytes}.00 MiB");
    console.log("0.2 I srv  llama_server: listening on unix://" + socket);
  });
}
`;
  fs.writeFileSync(file, script, { mode: 0o755 });
  return file;
}

/** An engine whose one GPU is there as long as the file is, and which ends without it. It answers chats with one word, over and over. */
export function fleetingEngine(dir: string, there: string): string {
  const file = path.join(dir, "fleeting_engine.mjs");
  const script = `#!${process.execPath}
import * as fs from "node:fs";
import * as http from "node:http";
const there = ${JSON.stringify(there)};
if (process.argv.includes("--list-devices")) {
  console.log("Available devices:\\n" + (fs.existsSync(there) ? "  GPU0: A card (8000 MiB, 8000 MiB free)" : ""));
} else {
  if (!fs.existsSync(there)) process.exit(1);
  fs.watch(there, () => {
    if (fs.existsSync(there)) return;
    console.error("ggml_vulkan: device lost");
    process.exit(1);
  });
  const socket = process.argv[process.argv.indexOf("--host") + 1];
  const chunk = (delta) => "data: " + JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "m",
    choices: [{ index: 0, delta, finish_reason: null }] }) + "\\n\\n";
  http.createServer((request, response) => {
    if (request.method !== "POST") return response.end("{}");
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(chunk({ role: "assistant", content: null }));
    const timer = setInterval(() => response.write(chunk({ content: "GoGrid " })), 20);
    response.on("close", () => clearInterval(timer));
  }).listen(socket, () => {
    console.log("0.1 I load_tensors: GPU0 model buffer size = 500.00 MiB");
    console.log("0.2 I srv  llama_server: listening on unix://" + socket);
  });
}
`;
  fs.writeFileSync(file, script, { mode: 0o755 });
  return file;
}
