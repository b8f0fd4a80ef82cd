// A worker's control socket as a program of its owner uses it, and as nobody should.
import assert from "node:assert/strict";
import * as net from "node:net";
import * as path from "node:path";
import type { Worker } from "./grid.ts";

export function controlSocket(worker: Worker): string {
  return path.join(worker.stateDir, "run/control.sock");
}

export class Control {
  readonly socket: net.Socket;
  /** Every line that came, as JSON. */
  readonly seen: any[] = [];
  /** Resolves when the worker has closed the connection. */
  readonly closed: Promise<void>;
  // What came before an error came: a connection that is closed with something unread ends with one.
  private readonly lines: string[] = [];
  private held = "";
  private ended = false;
  private wake = () => {};
  private lastId = 0;
  private readonly news: any[] = [];

  constructor(file: string) {
    this.socket = net.connect(file);
    // Whatever it is, it ends.
    this.socket.on("error", () => {});
    this.socket.setEncoding("utf8").on("data", (text: string) => {
      const parts = (this.held + text).split("\n");
      this.held = parts.pop()!;
      this.lines.push(...parts);
      this.wake();
    });
    const end = () => {
      this.ended = true;
      this.wake();
    };
    this.socket.once("end", end);
    this.closed = new Promise((resolve) =>
      this.socket.once("close", () => {
        end();
        resolve();
      }),
    );
  }

  static of(worker: Worker): Control {
    return new Control(controlSocket(worker));
  }

  write(text: string): void {
    this.socket.write(text);
  }

  /** The next line; undefined: it was closed. */
  async line(): Promise<any> {
    while (this.lines.length === 0 && !this.ended) await new Promise<void>((resolve) => (this.wake = resolve));
    const line = this.lines.shift();
    if (line === undefined) return undefined;
    const message = JSON.parse(line);
    this.seen.push(message);
    return message;
  }

  /** The answer, whole; what is told meanwhile is kept. */
  async request(method: string, params?: object): Promise<any> {
    const id = ++this.lastId;
    this.write(JSON.stringify({ jsonrpc: "2.0", id, method, params }) + "\n");
    for (;;) {
      const message = await this.line();
      assert.ok(message, `closed instead of an answer to ${method}`);
      if (message.method === undefined) {
        assert.equal(message.id, id);
        return message;
      }
      this.news.push(message);
    }
  }

  async result(method: string, params?: object): Promise<any> {
    const answer = await this.request(method, params);
    assert.equal(answer.error, undefined, JSON.stringify(answer.error));
    return answer.result;
  }

  /** What is told, until it is what is waited for. */
  async told(method: string, isIt: (params: any) => boolean): Promise<any> {
    for (;;) {
      const message = this.news.shift() ?? (await this.line());
      assert.ok(message, `closed before ${method} told it`);
      if (message.method === method && isIt(message.params)) return message.params;
    }
  }

  close(): void {
    this.socket.destroy();
  }
}
