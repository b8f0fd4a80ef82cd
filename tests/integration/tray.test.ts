// The tray as its owner uses it: on a display of its own, by real clicks on what is found by its accessible name. With
// GOGRID_SCREENSHOTS=DIR it also takes the pictures of docs/tray.md.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import * as fs from "node:fs";
import * as path from "node:path";
import { binDir, eventually, Grid } from "./support/grid.ts";
import { Desktop, type Box } from "./support/desktop.ts";
import { Program, processesWith, procText } from "./support/process.ts";
import { StandInDaemon } from "./support/stand_in_daemon.ts";

const gigabyte = 1e9;
const tray = /gogrid-tray|GoGrid/;
const settingsWindow = /^Settings( — GoGrid)?$/;
const statisticsWindow = /^Statistics( — GoGrid)?$/;
let desktop: Desktop;
let stateDir: string;
let daemon: StandInDaemon | undefined;

beforeEach(async () => {
  desktop = await Desktop.start();
  stateDir = path.join(desktop.dir, ".local/share/gogrid-worker");
  fs.mkdirSync(stateDir, { recursive: true, mode: 0o700 });
});

afterEach(async () => {
  await daemon?.vanish();
  daemon = undefined;
  await desktop.close();
});

function startTray(env: NodeJS.ProcessEnv = {}, args: string[] = []): Program {
  return desktop.program("gogrid-tray", path.join(binDir, "gogrid-tray"), ["--state-dir", stateDir, ...args], { LC_ALL: "en_GB.UTF-8", ...env });
}

async function startDaemon(): Promise<StandInDaemon> {
  daemon = new StandInDaemon(stateDir);
  await daemon.listen();
  return daemon;
}

/** The window that holds it, with its frame, where it stays: the window manager moves a new one. */
async function windowOf(name: string | RegExp): Promise<Box> {
  let before: string | undefined;
  return eventually(`the window ${name} stays where it is`, async () => {
    const { x, y, width, height } = await desktop.find(tray, name);
    const place = [x, y, width, height].join();
    const stays = place === before;
    before = place;
    return stays && { x: x - 1, y: y - 22, width: width + 2, height: height + 24 };
  });
}

/** Where the icon is, once it is embedded in the tray, which moves it there and may move it again. */
async function xembedIcon(): Promise<Box> {
  let before: string | undefined;
  return eventually("the icon is in the tray", async () => {
    const lines = (await desktop.tool("xwininfo", ["-root", "-tree"])).split("\n");
    const icon = lines.find((line) => /"(gogrid-tray|GoGrid|QSystemTrayIcon.*)"/i.test(line) && /\d+x\d+\+/.test(line) && sizeOf(line).width <= 40 && sizeOf(line).width > 8);
    const stays = icon !== undefined && icon === before;
    before = icon;
    return stays && sizeOf(icon);
  });
}

/** Size and absolute place, as xwininfo's tree has them. */
function sizeOf(line: string): Box {
  const match = /(\d+)x(\d+)\+-?\d+\+-?\d+\s+\+(-?\d+)\+(-?\d+)/.exec(line);
  return match ? { width: Number(match[1]), height: Number(match[2]), x: Number(match[3]), y: Number(match[4]) } : { width: 0, height: 0, x: 0, y: 0 };
}

/** Qt does not tell where the entries of a pop-up menu are, but they are all of one height, and separators are two pixels. */
const separator = 2;

interface Menu {
  box: Box;
  entry: (name: string) => Box;
}

/** The newest pop-up menu, which has these entries, in groups with a separator between them. */
async function menuOf(groups: string[][], count: number): Promise<Menu> {
  const box = await eventually(`${count} menus are open`, async () => {
    const boxes = await desktop.popups("gogrid-tray");
    return boxes.length === count && boxes.at(-1);
  });
  const height = (box.height - separator * (groups.length - 1)) / groups.flat().length;
  assert.equal(height, Math.round(height), `a menu of ${box.height} pixels has other entries than ${groups.join("; ")}`);
  const entry = (name: string): Box => {
    const group = groups.findIndex((names) => names.includes(name));
    const above = groups.slice(0, group).flat().length + groups[group]!.indexOf(name);
    return { x: box.x, y: box.y + above * height + group * separator, width: box.width, height };
  };
  return { box, entry };
}

const otherEntries = [["Settings…", "Statistics…", "About GoGrid"], ["Quit…"]];

let atLeft = false;

/** Opens the icon's menu, whose first group is the state and a line for each model. */
async function openMenu(order = "Pause", models = 0): Promise<Menu> {
  const isOpen = async () => (await desktop.popups("gogrid-tray")).length > 0;
  await eventually("the icon hears a click", async () => {
    const icon = await xembedIcon();
    // Two clicks in one place within a moment are a double click, which opens nothing.
    atLeft = !atLeft;
    await desktop.click({ ...icon, x: icon.x + (atLeft ? 0 : icon.width / 2), width: icon.width / 2 }, 3);
    // An icon that the panel has just taken up may move away from under it: then it takes another click.
    return eventually("its menu opens", isOpen, 3).catch(() => false);
  });
  const state = ["state", ...Array.from({ length: models }, (_, n) => `model ${n}`)];
  return menuOf([state, order === "" ? ["Start the worker", "Join a coordinator…"] : [order], ...otherEntries], 1);
}

async function chooseInMenu(name: string): Promise<void> {
  await desktop.click((await openMenu()).entry(name));
}

/** As KDE keeps the colours of a dark theme, which Qt reads. */
const darkColours = ["Window", "View", "Button", "Tooltip"]
  .map((part) => `[Colors:${part}]\nBackgroundNormal=${part === "View" ? "27,30,32" : "49,54,59"}\nForegroundNormal=239,240,241\nForegroundLink=41,128,185\n`)
  .concat("[Colors:Selection]\nBackgroundNormal=61,174,233\nForegroundNormal=239,240,241\n")
  .join("\n");

/** Of a part of the screen, from 0 to 1. */
async function lightness({ x, y, width, height }: Box): Promise<number> {
  const file = path.join(stateDir, "part.png");
  await desktop.tool("import", ["-window", "root", "-crop", `${width}x${height}+${x}+${y}`, "+repage", file]);
  return Number(await desktop.tool("identify", ["-format", "%[fx:mean]", file]));
}

const pauses = ["For one hour", "Until tomorrow", "Until I resume"];

async function pauseMenu(models = 0): Promise<Menu> {
  await desktop.click((await openMenu("Pause", models)).entry("Pause"));
  return menuOf([pauses], 2);
}

async function choose(name: string | RegExp, role?: string): Promise<void> {
  await desktop.click(await desktop.find(tray, name, role));
}

async function pictureOfMenus(name: string): Promise<void> {
  const boxes = [...(await desktop.popups("gogrid-tray")), await xembedIcon()];
  const x = Math.min(...boxes.map((box) => box.x)) - 12;
  const y = Math.min(...boxes.map((box) => box.y)) - 12;
  const right = Math.max(...boxes.map((box) => box.x + box.width));
  const bottom = Math.max(...boxes.map((box) => box.y + box.height));
  await desktop.picture(name, { x, y, width: right - x, height: bottom - y });
}

test("its menu says what runs, and pauses and resumes by clicks", async () => {
  const daemon = await startDaemon();
  await desktop.startXembedTray();
  const program = startTray();
  // A click on the icon shows the same as a window.
  await desktop.click(await xembedIcon());
  await desktop.find(tray, "Ready, nothing to do");
  daemon.change({
    requests: { running: 2, total: 414 },
    replicas: [
      { model_name: "llama-3.1-8b", phase: "ready", slots: 4, slots_busy: 2 },
      { model_name: "qwen-vl", phase: "fetching", done_bytes: 1.1e9, total_bytes: 4.4e9 },
    ],
  });
  await desktop.find(tray, "Working on 2 requests");
  await desktop.find(tray, /llama-3.1-8b: answers 2 of at most 4\nqwen-vl: is fetched, 25 %/);
  const menu = await pauseMenu(2);
  await pictureOfMenus("tray-menu");
  await desktop.click(menu.entry("For one hour"));
  await eventually("it is paused", async () => daemon.called("pause").length === 1);
  assert.deepEqual(daemon.called("pause")[0], { for_seconds: 3600 });
  await desktop.find(tray, /^Paused by you until /);
  // One line more: what runs is finished first.
  const resume = (await openMenu("Resume", 3)).entry("Resume");
  await pictureOfMenus("tray-menu-paused");
  await desktop.click(resume);
  await eventually("it is resumed", async () => daemon.called("resume").length === 1);
  daemon.change({ replicas: [] });
  await desktop.find(tray, "Working on 2 requests");
  for (const [name, wanted] of [["Until tomorrow", { until: "tomorrow" }], ["Until I resume", {}]] as const) {
    const before = daemon.called("pause").length;
    await desktop.click((await pauseMenu()).entry(name));
    await eventually("it is paused", async () => daemon.called("pause").length > before);
    assert.deepEqual(daemon.called("pause").at(-1), wanted);
    daemon.change({ availability: "available", pauses: [] });
    await desktop.find(tray, "Working on 2 requests");
  }
  assert.equal(program.child.exitCode, null);
});

test("what is wrong, and a part that is paused while the rest works, are said beside the state", async () => {
  const daemon = await startDaemon();
  await desktop.startXembedTray();
  startTray();
  await desktop.click(await xembedIcon());
  await desktop.find(tray, "Ready, nothing to do");
  daemon.change({
    requests: { running: 1, total: 413 },
    replicas: [{ model_name: "llama-3.1-8b", phase: "ready", slots: 4, slots_busy: 1 }],
    pauses: [{ code: "too_hot", part: "pci:0000:02:00.0", except: [], text: "", until: null }],
    activity: { state: "unknown", detail: "no display and no login manager", wanted: true },
    config_error: "/home/ada/.config/gogrid-worker/config.toml:4: unknown key worker.max_memory",
    awake_failure: "no login manager is there to keep the machine awake",
  });
  await desktop.find(tray, "Working on one request");
  const said = await desktop.find(tray, /^den-pc at /);
  assert.deepEqual(said.name.split("\n").slice(1), [
    "Paused on GeForce RTX 3060: the GPU is too hot",
    "It cannot see whether you use the computer (Settings, Activity): no display and no login manager",
    "The settings file is wrong and not in force: /home/ada/.config/gogrid-worker/config.toml:4: unknown key worker.max_memory",
    "The computer is not kept awake: no login manager is there to keep the machine awake",
    "llama-3.1-8b: answers 1 of at most 4",
  ]);
  // It has grown for them.
  const window = await eventually("all of it shows", async () => {
    const box = await windowOf("GoGrid");
    return box.height > 230 && box;
  });
  await desktop.picture("tray-window-notes", window);
  await openMenu("Pause", 5);
  await pictureOfMenus("tray-menu-notes");
});

test("the icon looks different in each state", async () => {
  const daemon = await startDaemon();
  // First what it shows before it knows better.
  const states = {
    offline: { coordinator: { ...daemon.status.coordinator, connected: false, last_error: "timed out" } },
    idle: { coordinator: daemon.status.coordinator },
    working: { requests: { running: 1, total: 1 } },
    paused: { availability: "paused", pauses: [{ code: "user_active", text: "", until: null }] },
    error: { availability: "refusing", reason: "no sandbox", pauses: [] },
  } as const;
  daemon.change(states.offline as object);
  const panel = await desktop.startXembedTray();
  const program = startTray();
  const icon = await xembedIcon();
  const seen = new Map<string, string>();
  for (const [name, status] of Object.entries(states)) {
    daemon.change({ requests: { running: 0, total: 1 }, ...(status as object) });
    const file = path.join(stateDir, `${name}.png`);
    const crop = `${icon.width}x${icon.height}+${icon.x}+${icon.y}`;
    // The picture is there when it is none, in one colour, nor one of those before.
    const hash = await eventually(`the icon shows ${name}`, async () => {
      await desktop.tool("import", ["-window", "root", "-crop", crop, "+repage", "-strip", file]);
      const [colours, found] = (await desktop.tool("identify", ["-format", "%k %#", file])).split(" ");
      return colours !== "1" && !seen.has(found!) && found!;
    });
    seen.set(hash, name);
    await desktop.picture(`tray-icon-${name}`, icon);
  }
  assert.equal(seen.size, 5);
  assert.equal(panel.child.exitCode, null);
  assert.equal(program.child.exitCode, null);
});

test("settings are built from what the daemon says, checked while typing, and saved", async () => {
  const daemon = await startDaemon();
  daemon.fileError = "line 4: unknown key worker.max_memory";
  await desktop.startXembedTray();
  startTray();
  await eventually("it follows the status", async () => daemon.called("status.subscribe").length === 1);
  await chooseInMenu("Settings…");
  await desktop.find(tray, /line 4: unknown key/);
  const slider = await desktop.find(tray, /GeForce RTX 4090/, "slider");
  assert.match(slider.description, /16.0 of 24.0 GB/);
  await desktop.picture("tray-settings-gpu", await windowOf(settingsWindow));
  // A click on the groove, which is its upper half, is a gigabyte; a key is half of one.
  const amount = async () => (await desktop.find(tray, /GeForce RTX 4090/, "slider")).description;
  await desktop.click({ ...slider, width: slider.width / 2, height: slider.height / 2 });
  await eventually("the slider takes clicks", async () => (await amount()) === "15.0 of 24.0 GB");
  await desktop.key("Left");
  await eventually("the slider takes keys", async () => (await amount()) === "14.5 of 24.0 GB");

  await choose("Schedule");
  const schedule = await desktop.find(tray, "Hours in which work is allowed", "text");
  await desktop.click(schedule);
  await desktop.key("ctrl+a");
  await desktop.type("weekends!");
  await desktop.find(tray, /"weekends!" is no day and no hours/);
  assert.equal((await desktop.find(tray, "Save")).isEnabled, false);
  await desktop.picture("tray-settings-error", await windowOf(settingsWindow));
  await desktop.key("ctrl+a");
  await desktop.type("mon-fri 18:30-08:00; sat,sun");
  await eventually("it can be saved", async () => (await desktop.find(tray, "Save")).isEnabled);
  // What is typed shows, and what is painted is written.
  const cell = (time: string, what: string) => desktop.find(tray, `${time}: ${what}`, "cell");
  await cell("Friday, hour from 18:00", "work is allowed for 30 minutes");
  await desktop.picture("tray-settings-schedule", await windowOf(settingsWindow));
  await desktop.drag(await cell("Monday, hour from 12:00", "no work"), await cell("Wednesday, hour from 13:00", "no work"));
  await cell("Tuesday, hour from 12:00", "work is allowed");
  await desktop.key("Down", "space");
  await cell("Thursday, hour from 13:00", "work is allowed");
  await eventually("it can be saved", async () => (await desktop.find(tray, "Save")).isEnabled);

  await choose("Activity");
  await choose("Pause while I use the computer");
  await desktop.picture("tray-settings-activity", await windowOf(settingsWindow));
  await choose("Limits");
  const memory = await desktop.find(tray, "Memory for GoGrid, in GB", "text");
  assert.equal(memory.isEnabled, false);
  assert.match(memory.description, /GOGRID_WORKER_MAX_MEMORY_GB/);
  await desktop.picture("tray-settings-limits", await windowOf(settingsWindow));
  await eventually("it can be saved", async () => (await desktop.find(tray, "Save")).isEnabled);
  daemon.fileError = null;
  await choose("Save");
  await desktop.find(tray, "Saved.");
  assert.ok(!(await desktop.things(tray)).some((thing) => /line 4/.test(thing.name)));
  assert.deepEqual(daemon.called("settings.set"), [
    { values: { "worker.max_vram_gb_each": ["Vulkan0=14.5"], "worker.pause_on_activity": false, "worker.schedule": "mon-wed 12:00-14:00; mon-fri 18:30-08:00; thu 13:00-14:00; sat,sun" } },
  ]);

  for (const page of ["Network", "Advanced"]) {
    await choose(page);
    await desktop.find(tray, page === "Network" ? "Coordinator's port" : "How much is logged", "label");
    await desktop.picture(`tray-settings-${page.toLowerCase()}`, await windowOf(settingsWindow));
  }

  await choose("General");
  await choose("Start GoGrid when I log in");
  const entry = path.join(desktop.env.XDG_CONFIG_HOME!, "autostart/gogrid-tray.desktop");
  await eventually("it starts at login", async () => fs.existsSync(entry));
  await desktop.picture("tray-settings-general", await windowOf(settingsWindow));
  assert.match(fs.readFileSync(entry, "utf8"), /Exec=".*gogrid-tray" --background/);
  await choose("Start GoGrid when I log in");
  await eventually("it does not any more", async () => !fs.existsSync(entry));
});

test("the keyboard alone reaches settings and saves them", async () => {
  const daemon = await startDaemon();
  await desktop.startXembedTray();
  startTray();
  await eventually("it follows the status", async () => daemon.called("status.subscribe").length === 1);
  await openMenu();
  await pictureOfMenus("tray-menu-idle");
  await desktop.key("s");
  await desktop.find(tray, settingsWindow);
  await desktop.find(tray, "General", "list item");
  // Down the list of pages, then into the page.
  await desktop.key("Down", "Down");
  await desktop.find(tray, "Hours in which work is allowed", "text");
  await desktop.key("alt+c");
  await eventually("the window is closed", async () => !(await desktop.things(tray)).some((thing) => settingsWindow.test(thing.name)));
  assert.equal(daemon.called("settings.set").length, 0);
});

test("statistics show what was done and what the GPU does, and ask for it only while they are open", async () => {
  const daemon = await startDaemon();
  const now = Math.floor(Date.now() / 1000);
  // As the tray's own clock has it.
  const day = (age: number) => new Date(Date.now() - age * 86_400_000 - new Date().getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
  daemon.history = {
    days: Array.from({ length: 9 }, (_, age) => ({
      date: day(8 - age),
      jobs: 100,
      tokens: 50_000,
      given_seconds: 7200,
      paused_seconds: { user_active: 14_000, outside_schedule: 30_000, on_battery: age === 8 ? 900 : 0 },
    })),
    samples: Array.from({ length: 288 }, (_, n) => ({
      at: now - (287 - n) * 300,
      gpu_percent: n > 100 && n < 130 ? null : 50 + 45 * Math.sin(n / 20),
      vram_bytes: (8 + 6 * Math.sin(n / 30)) * gigabyte,
      temperature_celsius: 55 + 20 * Math.sin(n / 20),
      power_watts: 180 + 150 * Math.sin(n / 20),
    })),
    totals: { jobs: 48_211, tokens: 31_400_000, given_seconds: 1_234_567 },
  };
  const survey = (n: number) => ({
    gpus: [{ id: "pci:0000:01:00.0", name: "GeForce RTX 4090", total_bytes: 24e9, used_bytes: 9.4e9, utilisation_percent: 60 + 35 * Math.sin(n / 6), temperature_celsius: 64, power_watts: 290 + 60 * Math.sin(n / 6) }],
  });
  daemon.survey = survey(0);
  await desktop.startXembedTray();
  startTray();
  assert.equal(daemon.isWatchedForHardware, false);
  await chooseInMenu("Statistics…");
  await desktop.find(tray, "48,211");
  await desktop.find(tray, "31.4 million");
  await desktop.find(tray, "700");
  await eventually("it follows the hardware", async () => daemon.isWatchedForHardware);
  daemon.read({ gpus: [{ ...survey(0).gpus[0], utilisation_percent: 42 }] });
  await eventually("the load is told", async () => (await desktop.find(tray, "Load")).description === "42 %");
  if (process.env.GOGRID_SCREENSHOTS) {
    // A line takes a while to come.
    for (let n = 0; n < 100; ++n) {
      daemon.read(survey(n));
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    await desktop.picture("tray-statistics-live", await windowOf(statisticsWindow));
  }
  await choose("24 hours");
  await eventually("the day is shown", async () => (await desktop.find(tray, "Load")).description !== "42 %");
  await desktop.picture("tray-statistics", await windowOf(statisticsWindow));
  await choose("Close");
  await eventually("nobody follows the hardware any more", async () => !daemon.isWatchedForHardware);
});

test("without a tray it is a window that says so; when a tray comes it is an icon there", async () => {
  await startDaemon();
  const program = startTray();
  await desktop.find(tray, /no place for tray icons/);
  await desktop.picture("tray-window", await windowOf("GoGrid"));
  await desktop.startXembedTray();
  await xembedIcon();
  await eventually("it does not say so any more", async () => !(await desktop.things(tray)).some((thing) => /no place for tray icons/.test(thing.name)));
  assert.equal(program.child.exitCode, null);
});

test("a panel that comes while the owner types waits until the window is closed", async () => {
  await startDaemon();
  await desktop.startXembedTray();
  const program = startTray();
  await chooseInMenu("Settings…");
  await choose("Schedule");
  await desktop.click(await desktop.find(tray, "Hours in which work is allowed", "text"));
  await desktop.type("; mon");
  await eventually("it can be saved", async () => (await desktop.find(tray, "Save")).isEnabled);
  await desktop.startNotifierTray();
  // It hears of the panel before it hears of this one, which was started later.
  assert.equal(await startTray().exited, 0);
  await desktop.find(tray, "Ready, nothing to do");
  assert.equal((await desktop.find(tray, "Save")).isEnabled, true);
  assert.deepEqual(await desktop.notifierItems(), []);
  await desktop.tool("xdotool", ["search", "--onlyvisible", "--name", "^Settings", "windowactivate", "--sync"]);
  await choose("Close");
  await eventually("the icon is in the panel", async () => (await desktop.notifierItems()).length === 1);
  assert.equal(program.child.exitCode, null);
});

test("on a dark desktop its windows are dark, and on a fine screen they are large", async () => {
  const daemon = await startDaemon();
  daemon.fileError = "line 4: unknown key worker.max_memory";
  daemon.change({ replicas: [{ model_name: "llama-3.1-8b", phase: "ready", slots: 4, slots_busy: 0 }] });
  const now = Math.floor(Date.now() / 1000);
  daemon.history.samples = Array.from({ length: 288 }, (_, n) => ({
    at: now - (287 - n) * 300, gpu_percent: 25 + (n * 50) / 287, vram_bytes: 8 * gigabyte, temperature_celsius: 60, power_watts: 200,
  }));
  await desktop.startXembedTray();
  fs.writeFileSync(path.join(desktop.env.XDG_CONFIG_HOME!, "kdeglobals"), darkColours);
  const dark = startTray({ XDG_CURRENT_DESKTOP: "KDE", KDE_SESSION_VERSION: "5" });
  await eventually("it follows the status", async () => daemon.called("status.subscribe").length === 1);
  await openMenu("Pause", 1);
  await pictureOfMenus("tray-menu-dark");
  await desktop.key("t");
  await choose("24 hours");
  await eventually("the day is shown", async () => (await desktop.find(tray, "Load")).description === "75 %");
  await desktop.picture("tray-statistics-dark", await windowOf(statisticsWindow));
  await choose("Close");
  await openMenu("Pause", 1);
  await desktop.key("s");
  await choose("Schedule");
  await desktop.find(tray, "Hours in which work is allowed", "text");
  const box = await windowOf(settingsWindow);
  await eventually("it is dark", async () => (await lightness({ ...box, y: box.y + 24, height: box.height - 24 })) < 0.4);
  await desktop.picture("tray-settings-dark", box);
  assert.equal(await dark.stop(), null);

  const large = startTray({ QT_SCALE_FACTOR: "2" });
  await eventually("it follows the status", async () => daemon.called("status.subscribe").length === 2);
  assert.equal(await startTray().exited, 0);
  const { x, y, width, height } = await eventually("its window shows", async () => {
    const lines = (await desktop.tool("xwininfo", ["-root", "-tree"])).split("\n");
    return lines.filter((line) => line.includes('"GoGrid"')).map(sizeOf).find((box) => box.width === 840);
  });
  await desktop.picture("tray-window-large", { x: x - 1, y: y - 22, width: width + 2, height: height + 24 });
  assert.equal(large.child.exitCode, null);
});

test("it says what it is, and which version the worker has", async () => {
  await startDaemon();
  await desktop.startXembedTray();
  startTray();
  await chooseInMenu("About GoGrid");
  await desktop.find(tray, /Version of the worker: 0\.1\.0\nState: ~\/\.local\/share\/gogrid-worker$/);
  await desktop.picture("tray-about", await windowOf("About GoGrid"));
  await choose("Close");
  await eventually("it is closed", async () => !(await desktop.things(tray)).some((thing) => thing.name === "About GoGrid"));
});

test("it speaks the owner's language, and every text is translated", async () => {
  const daemon = await startDaemon();
  await desktop.startXembedTray();
  startTray({ LC_ALL: "de_DE.UTF-8" });
  await eventually("it follows the status", async () => daemon.called("status.subscribe").length === 1);
  await chooseInMenu("Settings…");
  await desktop.find(tray, "Höchste GPU-Last, in Prozent");
  await desktop.find(tray, "Speichern");
  await desktop.picture("tray-settings-de", await windowOf(/^Einstellungen/));
  await desktop.click(await desktop.find(tray, "Höchste GPU-Temperatur, in °C", "text"));
  await desktop.type("999");
  await desktop.find(tray, "Es muss eine Zahl von 0 bis 150 sein.");
  await desktop.click(await xembedIcon());
  await desktop.find(tray, "Bereit, nichts zu tun");
  const dir = path.resolve(import.meta.dirname, "../../src/tray/translations");
  const texts = fs.readdirSync(dir).map((file) => fs.readFileSync(path.join(dir, file), "utf8"));
  assert.equal(texts.length, 4);
  for (const text of texts) {
    assert.doesNotMatch(text, /type="(unfinished|vanished|obsolete)"/);
    assert.equal(text.match(/<source>/g)!.length, texts[0]!.match(/<source>/g)!.length);
  }
});

test("a second one shows the first one's window and ends", async () => {
  await startDaemon();
  await desktop.startXembedTray();
  startTray();
  await xembedIcon();
  assert.equal(await startTray().exited, 0);
  await desktop.find(tray, "Ready, nothing to do");
});

test("quitting asks about the worker: kept, or told to stop", async () => {
  const daemon = await startDaemon();
  await desktop.startXembedTray();
  const program = startTray();
  await eventually("it follows the status", async () => daemon.called("status.subscribe").length === 1);
  await chooseInMenu("Quit…");
  await desktop.find(tray, "Should the worker keep running?");
  await desktop.picture("tray-quit", await windowOf("Quit GoGrid"));
  await choose("Cancel");
  await chooseInMenu("Quit…");
  await choose("Keep it running");
  assert.equal(await program.exited, 0);
  assert.equal(daemon.called("stop").length, 0);
  const other = startTray();
  await eventually("it follows the status", async () => daemon.called("status.subscribe").length === 2);
  await chooseInMenu("Quit…");
  await choose("Stop it too");
  assert.equal(await other.exited, 0);
  assert.equal(daemon.called("stop").length, 1);
});

test("the daemon ends, is killed, and comes back: the icon says so and goes on", async () => {
  let daemon = await startDaemon();
  await desktop.startXembedTray();
  const program = startTray();
  await desktop.click(await xembedIcon());
  await desktop.find(tray, "Ready, nothing to do");
  for (const isKilled of [false, true]) {
    await daemon.vanish(isKilled);
    await desktop.find(tray, "The worker is not running.");
    await openMenu("");
    await pictureOfMenus("tray-menu-offline");
    // Early, it would go to the window below.
    await eventually("the menu is closed", async () => {
      await desktop.key("Escape");
      return (await desktop.popups("gogrid-tray")).length === 0;
    });
    daemon = await startDaemon();
    await desktop.find(tray, "Ready, nothing to do");
  }
  assert.equal(program.child.exitCode, null);
});

test("in a panel of today it is an icon with a window and a menu; when the bus dies it stays as a window", async () => {
  const daemon = await startDaemon();
  await desktop.startNotifierTray();
  const program = startTray();
  const panel = /panel|wrapper/;
  // The panel's only icon; it has no name of its own.
  const icon = await eventually("the icon is in the panel", async () =>
    (await desktop.things(panel)).find((thing) => thing.width > 8 && thing.width < 60 && thing.height > 8),
  );
  await eventually("a click opens the window", async () => {
    await desktop.click(icon);
    return (await desktop.things(tray)).some((thing) => thing.name === "Ready, nothing to do");
  });
  await desktop.click(icon, 3);
  const menu = await eventually("its menu is open", async () => (await desktop.popups("wrapper")).find((box) => box.height > 60));
  await desktop.picture("tray-menu-panel", { x: 0, y: menu.y - 12, width: menu.width + 24, height: 900 - menu.y + 12 });
  // The third of its six entries, which are higher than the separators between them by far.
  await desktop.click({ ...menu, y: menu.y + (2 * menu.height) / 6, height: menu.height / 6 });
  await desktop.find(tray, settingsWindow);
  desktop.sessionBus.killNow();
  await desktop.sessionBus.exited;
  // Names are not to be had without the bus; the window's title is.
  await eventually("the window shows", async () => (await desktop.tool("xdotool", ["search", "--onlyvisible", "--name", "^GoGrid$"]).catch(() => "")) !== "");
  daemon.change({ availability: "paused", pauses: [{ code: "on_battery", text: "", until: null }] });
  assert.equal(program.child.exitCode, null);
  assert.equal(await program.stop(), null);
});

// Sanitizers have threads and memory of their own.
const isSanitized = /lib[at]san\.so/.test(fs.readFileSync(path.join(binDir, "gogrid-tray"), "latin1"));

test("with its windows closed it wakes for nothing and takes little memory", { skip: isSanitized && "a sanitizer takes more" }, async (context) => {
  const daemon = await startDaemon();
  await desktop.startXembedTray();
  const program = startTray({ QT_LINUX_ACCESSIBILITY_ALWAYS_ON: undefined });
  await xembedIcon();
  await eventually("it follows the status", async () => daemon.called("status.subscribe").length === 1);
  const switches = () =>
    fs.readdirSync(`/proc/${program.pid}/task`).map((task) => Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(procText(program.pid, `task/${task}/status`))![1])).reduce((sum, one) => sum + one, 0);
  // What has to be done at first is done when nothing changes over two seconds.
  let before = -1;
  await eventually("it is at rest", async () => {
    const last = before;
    before = switches();
    await new Promise((resolve) => setTimeout(resolve, 2000));
    return last >= 0 && switches() === before;
  });
  await new Promise((resolve) => setTimeout(resolve, 5000));
  assert.equal(switches(), before);
  const pss = Number(/^Pss:\s+(\d+) kB/m.exec(procText(program.pid, "smaps_rollup"))![1]) / 1000;
  context.diagnostic(`PSS ${pss.toFixed(1)} MB`);
  assert.ok(pss <= 45, `PSS is ${pss} MB`);
});

test("first run: a pasted token joins, the token stays out of the process list, and the worker outlives the tray", async () => {
  const grid = await Grid.start();
  const token = (await grid.api("POST", "/api/v1/tokens", { name: "den-pc" })).json.token as string;
  await desktop.startXembedTray();
  const program = startTray();
  await desktop.find(tray, "Set up GoGrid");
  await desktop.find(tray, "Join token");
  await desktop.picture("tray-wizard-empty", await windowOf("Set up GoGrid"));
  await desktop.click(await desktop.find(tray, "Join token"));
  await desktop.type("ggj_0123");
  await desktop.click(await desktop.find(tray, "Coordinator", "text"));
  await desktop.type("127.0.0.1");
  const port = await desktop.find(tray, "Port", "spin box");
  await desktop.click({ ...port, width: port.width / 2 });
  await desktop.key("ctrl+a");
  await desktop.type(String(grid.port));
  await choose("Join");
  await desktop.find(tray, /^this is not a join token/, "label");
  await desktop.picture("tray-wizard", await windowOf("Set up GoGrid"));
  await desktop.click(await desktop.find(tray, "Join token"));
  await desktop.key("ctrl+a");
  await desktop.type(token);
  await choose("Join");
  await desktop.find(tray, "This computer has joined");
  assert.deepEqual(processesWith(token.split(".")[1]!), []);
  await eventually("the coordinator sees it", async () => {
    const workers = (await grid.api("GET", "/api/v1/workers")).json.data as any[];
    return workers.some((worker) => worker.connected);
  });
  await desktop.picture("tray-wizard-done", await windowOf("Set up GoGrid"));
  await choose("Done");
  assert.ok(fs.existsSync(path.join(desktop.env.XDG_CONFIG_HOME!, "autostart/gogrid-tray.desktop")));
  program.killNow();
  await program.exited;
  const workers = processesWith(`--state-dir ${stateDir} run`);
  assert.equal(workers.length, 1);
  process.kill(workers[0]!.pid, "SIGTERM");
  await eventually("the worker ends", async () => processesWith(`--state-dir ${stateDir} run`).length === 0);
});


test("the worker itself is paused and resumed from the menu, and set from the window, with its own words for what is wrong", async () => {
  const grid = await Grid.start();
  const worker = await grid.addWorker("den-pc");
  await desktop.startXembedTray();
  startTray({}, ["--state-dir", worker.stateDir]);
  await desktop.click((await pauseMenu()).entry("For one hour"));
  const paused = await eventually("it is paused", async () => {
    const status = await worker.status();
    return status.availability === "paused" && status;
  });
  assert.ok(Math.abs(paused.pauses[0].until - Date.now() / 1000 - 3600) < 60, JSON.stringify(paused.pauses));
  await desktop.click((await openMenu("Resume")).entry("Resume"));
  await eventually("it works again", async () => (await worker.status()).availability === "available");

  await chooseInMenu("Settings…");
  await choose("Schedule");
  await desktop.click(await desktop.find(tray, "Hours in which work is allowed", "text"));
  await desktop.type("weekends!");
  await desktop.find(tray, /"weekends!" is no part of a schedule/);
  await desktop.key("ctrl+a");
  await desktop.type("never");
  await eventually("it can be saved", async () => (await desktop.find(tray, "Save")).isEnabled);
  await choose("Save");
  await eventually("it counts at once", async () => (await worker.status()).pauses[0]?.code === "outside_schedule");
  assert.match(fs.readFileSync(path.join(grid.dir, ".config/gogrid-worker/config.toml"), "utf8"), /schedule = "never"/);
  await choose("Close");
  await desktop.click((await openMenu("Pause")).entry("Statistics…"));
  await desktop.find(tray, "What this computer has done");
});
