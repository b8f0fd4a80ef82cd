// A real X server without a screen, under a number that it chooses itself, and a hand at its mouse.
import { Program, run } from "./process.ts";

export class Display {
  readonly name: string;
  readonly server: Program;

  private constructor(name: string, server: Program) {
    this.name = name;
    this.server = server;
  }

  static async start(): Promise<Display> {
    const server = new Program("Xvfb", "Xvfb", ["-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"], { PATH: process.env.PATH });
    const [number] = await server.saying(/^\d+$/);
    return new Display(`:${number}`, server);
  }

  get env(): NodeJS.ProcessEnv {
    return { DISPLAY: this.name };
  }

  /** Input as from a device (XTest): the mouse moves. */
  async moveMouse(): Promise<void> {
    const moved = await run("xdotool", ["mousemove_relative", "--", "1", "1"], { env: { PATH: process.env.PATH, ...this.env } });
    if (moved.code !== 0) throw new Error(`xdotool: ${moved.stderr}`);
  }

  async stop(): Promise<void> {
    await this.server.stop();
  }
}
