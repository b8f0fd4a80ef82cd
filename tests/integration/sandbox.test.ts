// An engine bundle that means harm, added and assigned like any other, gets out of its sandbox nowhere: no network, no file of the
// host, no other process, no secret in its environment, and no way to make the worker talk to another socket.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { Grid, sampleModel } from "./support/grid.ts";
import { hostileBundle, hostileEngine } from "./support/hostile.ts";
import { run } from "./support/process.ts";

const bystander = spawn("sleep", ["3600"], { stdio: "ignore" });
const listener = net.createServer();
const decoy = net.createServer();
let decoyVisits = 0;
let grid: Grid;
let wishes = "";

const listening = (server: net.Server, where: net.ListenOptions) =>
  new Promise<void>((resolve) => server.listen(where, () => resolve()));

before(async () => {
  grid = await Grid.start();
  const secret = path.join(grid.dir, "secret");
  fs.writeFileSync(secret, "of the owner", { mode: 0o644 });
  await listening(listener, { host: "127.0.0.1", port: 0 });
  decoy.on("connection", (socket) => {
    decoyVisits++;
    socket.destroy();
  });
  const decoyPath = path.join(grid.dir, "decoy.sock");
  await listening(decoy, { path: decoyPath });
  const { port } = listener.address() as net.AddressInfo;
  wishes = `port=${port} pid=${bystander.pid} file=${secret} socket=${decoyPath} .`;
});

after(() => {
  bystander.kill();
  listener.close();
  decoy.close();
});

test("where nothing holds them the tries succeed, so that their failure means something", async () => {
  const probe = await run(hostileEngine, ["--probe", wishes]);
  const report = JSON.parse(probe.stdout);
  // Hosts differ in what they allow to whom; these they all do.
  for (const name of ["tcp", "udp", "netlink", "read_file", "signal"]) assert.equal(report[name], "reached", name);
  assert.ok(report.processes.split(" ").includes(String(bystander.pid)));
});

test("from the sandbox it reaches nothing", async () => {
  await grid.cliJson(["engine", "add", hostileBundle(grid.dir)]);
  await grid.addModel(sampleModel, "hostile");
  const worker = await grid.addWorker("worker-1");
  await worker.replica("hostile");
  const ask = () => grid.api("POST", "/v1/chat/completions", { model: "hostile", messages: [{ role: "user", content: wishes }] });
  const answer = await ask();
  assert.equal(answer.status, 200, answer.text);
  const { processes, environment, ...tries } = JSON.parse(answer.json.choices[0].message.content);
  assert.ok(Object.keys(tries).length >= 16, answer.text);
  for (const [name, result] of Object.entries(tries)) assert.notEqual(result, "reached", name);
  // Bubblewrap's own first process and the engine.
  assert.ok(processes.split(" ").length <= 2, processes);
  assert.doesNotMatch(environment, /GOGRID|KEY|TOKEN|SECRET/);

  // It has put a symbolic link to the decoy in its socket's place meanwhile.
  await ask();
  assert.equal(decoyVisits, 0);
});
