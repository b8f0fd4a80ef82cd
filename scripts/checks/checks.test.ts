// The tree obeys its own rules.
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkCoroutines } from "./coroutines.ts";
import { checkIncludes } from "./includes.ts";
import { checkLinks } from "./links.ts";

const show = (faults: { file: string; line: number; what: string }[]) =>
  faults.map(({ file, line, what }) => `${file}:${line}: ${what}`);

test("includes go in one direction and make no circle", () => assert.deepEqual(show(checkIncludes()), []));
test("no coroutine steps into gcc 12's trap", () => assert.deepEqual(show(checkCoroutines()), []));
test("no link in the documents is dead", () => assert.deepEqual(show(checkLinks()), []));
