// A small D-Bus client, enough to ask programs on a bus of a test's own: method calls and their answers.
import * as net from "node:net";
import * as os from "node:os";

type Kind = "s" | "o" | "u" | "i";
export interface Argument {
  kind: Kind;
  value: string | number;
}
export const text = (value: string): Argument => ({ kind: "s", value });
export const whole = (value: number): Argument => ({ kind: "u", value });

/** Bytes of a message as they are laid out: every value stands at a multiple of its size. */
class Writer {
  private bytes: number[] = [];

  align(size: number): void {
    while (this.bytes.length % size !== 0) this.bytes.push(0);
  }
  byte(value: number): void {
    this.bytes.push(value);
  }
  number(value: number): void {
    this.align(4);
    const four = Buffer.alloc(4);
    four.writeUInt32LE(value >>> 0);
    this.bytes.push(...four);
  }
  text(value: string): void {
    const content = Buffer.from(value);
    this.number(content.length);
    this.bytes.push(...content, 0);
  }
  signature(value: string): void {
    this.bytes.push(value.length, ...Buffer.from(value), 0);
  }
  /** A header's field: a struct of its code and a variant. */
  field(code: number, kind: string, value: string): void {
    this.align(8);
    this.byte(code);
    this.signature(kind);
    if (kind === "g") this.signature(value);
    else this.text(value);
  }
  get length(): number {
    return this.bytes.length;
  }
  take(): Buffer {
    return Buffer.from(this.bytes);
  }
}

const sizes: Record<string, number> = { y: 1, b: 4, n: 2, q: 2, i: 4, u: 4, x: 8, t: 8, d: 8, h: 4, s: 4, o: 4, g: 1, a: 4, v: 1, "(": 8, "{": 8 };

class Reader {
  private readonly data: Buffer;
  at = 0;

  constructor(data: Buffer, at = 0) {
    this.data = data;
    this.at = at;
  }

  align(size: number): void {
    this.at = Math.ceil(this.at / size) * size;
  }
  number(): number {
    this.align(4);
    this.at += 4;
    return this.data.readUInt32LE(this.at - 4);
  }
  private characters(length: number): string {
    const found = this.data.toString("utf8", this.at, this.at + length);
    this.at += length + 1;
    return found;
  }
  signature(): string {
    return this.characters(this.data[this.at++]!);
  }

  /** All values of a signature. */
  values(signature: string): any[] {
    const found: any[] = [];
    for (let rest = signature; rest !== ""; ) {
      const one = first(rest);
      found.push(this.value(one));
      rest = rest.slice(one.length);
    }
    return found;
  }

  private value(signature: string): any {
    const kind = signature[0]!;
    const size = sizes[kind]!;
    this.align(size);
    if (kind === "v") return this.value(this.signature());
    if (kind === "g") return this.signature();
    if (kind === "s" || kind === "o") return this.characters(this.number());
    if (kind === "(" || kind === "{") return this.values(signature.slice(1, -1));
    if (kind === "a") {
      const length = this.number();
      this.align(sizes[signature[1]!]!);
      const end = this.at + length;
      const items: any[] = [];
      while (this.at < end) items.push(this.value(signature.slice(1)));
      return items;
    }
    this.at += size;
    const from = this.at - size;
    if (kind === "d") return this.data.readDoubleLE(from);
    if (size === 8) return Number(kind === "x" ? this.data.readBigInt64LE(from) : this.data.readBigUInt64LE(from));
    if (size === 2) return kind === "n" ? this.data.readInt16LE(from) : this.data.readUInt16LE(from);
    if (kind === "y") return this.data[from];
    return kind === "i" ? this.data.readInt32LE(from) : this.data.readUInt32LE(from);
  }
}

/** The first whole type of a signature. */
function first(signature: string): string {
  if (signature[0] === "a") return "a" + first(signature.slice(1));
  if (signature[0] !== "(" && signature[0] !== "{") return signature[0]!;
  let depth = 0;
  for (let at = 0; at < signature.length; at++) {
    if ("({".includes(signature[at]!)) depth++;
    if (")}".includes(signature[at]!) && --depth === 0) return signature.slice(0, at + 1);
  }
  throw new Error(`bad signature ${signature}`);
}

export class Bus {
  private readonly socket: net.Socket;
  private buffer = Buffer.alloc(0);
  private serial = 0;
  private readonly waiting = new Map<number, { resolve: (values: any[]) => void; reject: (error: Error) => void }>();

  private constructor(socket: net.Socket) {
    this.socket = socket;
  }

  static async connect(address: string): Promise<Bus> {
    const path = /unix:(?:.*,)?path=([^,;]+)/.exec(address)?.[1];
    const abstract = /unix:(?:.*,)?abstract=([^,;]+)/.exec(address)?.[1];
    if (!path && !abstract) throw new Error(`no socket in ${address}`);
    const socket = net.connect(path ?? `\0${abstract}`);
    socket.write(`\0AUTH EXTERNAL ${Buffer.from(String(os.userInfo().uid)).toString("hex")}\r\n`);
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.once("data", (answer) => (answer.toString().startsWith("OK ") ? resolve() : reject(new Error(answer.toString()))));
    });
    socket.write("BEGIN\r\n");
    const bus = new Bus(socket);
    socket.on("data", (data) => bus.read(data));
    socket.on("error", () => {});
    socket.on("close", () => {
      for (const { reject } of bus.waiting.values()) reject(new Error("the bus is gone"));
      bus.waiting.clear();
    });
    await bus.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello");
    return bus;
  }

  close(): void {
    this.socket.destroy();
  }

  call(destination: string, path: string, face: string, member: string, ...args: Argument[]): Promise<any[]> {
    const body = new Writer();
    for (const { kind, value } of args) {
      if (kind === "s" || kind === "o") body.text(value as string);
      else body.number(value as number);
    }
    const serial = ++this.serial;
    const fields = new Writer();
    fields.field(1, "o", path);
    fields.field(2, "s", face);
    fields.field(3, "s", member);
    fields.field(6, "s", destination);
    if (args.length > 0) fields.field(8, "g", args.map((one) => one.kind).join(""));
    const head = new Writer();
    for (const byte of [0x6c, 1, 0, 1]) head.byte(byte);
    head.number(body.length);
    head.number(serial);
    head.number(fields.length);
    const parts = [head.take(), fields.take()];
    const length = parts[0]!.length + parts[1]!.length;
    this.socket.write(Buffer.concat([...parts, Buffer.alloc((8 - (length % 8)) % 8), body.take()]));
    return new Promise((resolve, reject) => this.waiting.set(serial, { resolve, reject }));
  }

  async property(destination: string, path: string, face: string, name: string): Promise<any> {
    return (await this.call(destination, path, "org.freedesktop.DBus.Properties", "Get", text(face), text(name)))[0];
  }

  private read(data: Buffer): void {
    this.buffer = Buffer.concat([this.buffer, data]);
    for (;;) {
      if (this.buffer.length < 16) return;
      const bodyLength = this.buffer.readUInt32LE(4);
      const bodyAt = Math.ceil((16 + this.buffer.readUInt32LE(12)) / 8) * 8;
      if (this.buffer.length < bodyAt + bodyLength) return;
      this.take(this.buffer.subarray(0, bodyAt + bodyLength), bodyAt);
      this.buffer = this.buffer.subarray(bodyAt + bodyLength);
    }
  }

  private take(message: Buffer, bodyAt: number): void {
    const [fields] = new Reader(message, 12).values("a(yv)") as [[number, any][]];
    const field = (code: number) => fields.find(([one]) => one === code)?.[1];
    const waiting = this.waiting.get(field(5));
    if (!waiting) return;
    this.waiting.delete(field(5));
    const values = new Reader(message.subarray(bodyAt)).values(field(8) ?? "");
    if (message[1] === 3) waiting.reject(new Error(`${field(4)}: ${values[0]}`));
    else waiting.resolve(values);
  }
}
