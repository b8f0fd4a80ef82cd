// The tray on a Wayland desktop without X11: the icon in sway's bar, its windows and menus, by real clicks and keys.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import * as fs from "node:fs";
import * as path from "node:path";
import { binDir, eventually } from "./support/grid.ts";
import type { Box } from "./support/desktop.ts";
import { Program } from "./support/process.ts";
import { StandInDaemon } from "./support/stand_in_daemon.ts";
import { WaylandDesktop } from "./support/wayland_desktop.ts";

const tray = /gogrid-tray|GoGrid/;
const stateWindow = "GoGrid";
const settingsWindow = /^Settings( — GoGrid)?$/;
let desktop: WaylandDesktop;
let daemon: StandInDaemon | undefined;
let program: Program;

afterEach(async () => {
  await daemon?.vanish();
  daemon = undefined;
  await desktop.close();
});

async function startTray(hasBar: boolean): Promise<StandInDaemon> {
  desktop = new WaylandDesktop();
  await desktop.startWayland(hasBar);
  const stateDir = path.join(desktop.dir, ".local/share/gogrid-worker");
  fs.mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const told = new StandInDaemon(stateDir);
  daemon = told;
  await told.listen();
  program = desktop.program("gogrid-tray", path.join(binDir, "gogrid-tray"), ["--state-dir", stateDir], { ...desktop.programEnv, LC_ALL: "en_GB.UTF-8" });
  await eventually("it follows the status", async () => told.called("status.subscribe").length === 1);
  return told;
}

/** Where the icon is, once the bar shows it. */
async function icon(): Promise<Box> {
  const place = await desktop.iconPlace();
  await eventually("the icon is in the bar", async () => (await desktop.coloursIn(place)) > 1);
  return place;
}

async function choose(name: string | RegExp, role?: string): Promise<void> {
  await desktop.click(await desktop.find(tray, name, role));
}

const isOpen = async (title: string | RegExp) => (await desktop.programWindows()).some((one) => (typeof title === "string" ? one.title === title : title.test(one.title)));

async function closed(title: string | RegExp): Promise<void> {
  await eventually(`${title} is closed`, async () => !(await isOpen(title)));
}

const separator = 2;

/** Opens the menu of a button of the state window, which hangs below it; where its entries are, in groups with a line between. */
async function openMenu(name: string, groups: string[][]): Promise<(entry: string) => Box> {
  const window = await desktop.window(stateWindow);
  const button = await desktop.find(tray, name, "button menu");
  await desktop.click(button);
  const { x, y, width, height } = await eventually(`the menu of ${name} shows`, () => desktop.below(window));
  const top = button.y + button.height;
  const entryHeight = (y + height - top - separator * (groups.length - 1)) / groups.flat().length;
  assert.equal(entryHeight, Math.round(entryHeight), `the menu has other entries than ${groups.join("; ")}`);
  return (entry) => {
    const group = groups.findIndex((names) => names.includes(entry));
    const above = groups.slice(0, group).flat().length + groups[group]!.indexOf(entry);
    return { x, y: top + above * entryHeight + group * separator, width, height: entryHeight };
  };
}

const wholeMenu = [["state"], ["Pause"], ["Settings…", "Statistics…", "About GoGrid"], ["Quit…"]];

test("its icon is in the bar, and a click opens its window, with menus that open where they belong", async () => {
  const told = await startTray(true);
  await desktop.click(await icon());
  await desktop.find(tray, "Ready, nothing to do");
  const entry = await openMenu("Menu", wholeMenu);
  const { frame } = await desktop.window(stateWindow);
  const place = await desktop.iconPlace();
  await desktop.picture("tray-wayland", { x: frame.x - 12, y: frame.y - 12, width: place.x + place.width - frame.x + 12, height: place.y + place.height - frame.y + 12 });
  await desktop.click(entry("Settings…"));
  const settings = await desktop.window(settingsWindow);
  assert.ok(settings.isFocused);
  // What is in it takes clicks and keys where it shows.
  await choose("Schedule");
  const schedule = await desktop.find(tray, "Hours in which work is allowed", "text");
  await desktop.click(schedule);
  await desktop.key("ctrl+a");
  await desktop.type("weekends!");
  await desktop.find(tray, /"weekends!" is no day and no hours/);
  await choose("Close");
  await closed(settingsWindow);
  await desktop.click((await openMenu("Pause", [["For one hour", "Until tomorrow", "Until I resume"]]))("For one hour"));
  await eventually("it is paused", async () => told.called("pause").length === 1);
  assert.deepEqual(told.called("pause")[0], { for_seconds: 3600 });
  await desktop.find(tray, /^Paused by you until /);
  assert.equal(program.child.exitCode, null);
});

test("sway's bar shows no menus: a right click opens the window, which has it; closed, the icon stays", async () => {
  await startTray(true);
  for (const button of [3, 1]) {
    await desktop.click(await icon(), button);
    await desktop.find(tray, "Ready, nothing to do");
    // As its owner has it closed by sway.
    await eventually("it has the keyboard", async () => (await desktop.window(stateWindow)).isFocused);
    await desktop.key("super+q");
    await closed(stateWindow);
  }
  await desktop.click(await icon(), 3);
  await desktop.find(tray, "Ready, nothing to do");
  await desktop.click((await openMenu("Menu", wholeMenu))("About GoGrid"));
  await desktop.find(tray, /State: ~\/\.local\/share\/gogrid-worker$/);
  await choose("Close");
  await closed("About GoGrid");
  await icon();
  assert.equal(program.child.exitCode, null);
});

test("without a bar it is a window that says so, and ends when that is closed", async () => {
  await startTray(false);
  await desktop.find(tray, /no place for tray icons/);
  await desktop.find(tray, "Ready, nothing to do");
  await desktop.click((await openMenu("Menu", wholeMenu))("Settings…"));
  await desktop.window(settingsWindow);
  await choose("Close");
  await closed(settingsWindow);
  await eventually("it has the keyboard", async () => (await desktop.window(stateWindow)).isFocused);
  await desktop.key("super+q");
  await closed(stateWindow);
  assert.equal(await program.exited, 0);
});
