// gcc 12 destroys some temporaries twice when they stand in an expression that contains co_await: a brace-initialised aggregate
// with designated members, a lambda that captures by value, the branches of `?:`, and what an operand of && or || is made of. Name the value first. Detached coroutines only in base/task_group.
import { lineOf, listFiles, read, type Fault } from "./files.ts";

export function checkCoroutines(): Fault[] {
  const faults: Fault[] = [];
  for (const file of listFiles(/^(src|apps|tests)\/.*\.(cpp|hpp)$/)) {
    const text = read(file).replace(/\/\/.*/g, (comment) => " ".repeat(comment.length));
    for (const match of text.matchAll(/co_await\b/g)) {
      const expression = statementFrom(text, match.index);
      const fault = (what: string) => faults.push({ file, line: lineOf(text, match.index), what });
      if (/[({,]\s*\w*\s*\{\s*\.\w+\s*=/.test(expression)) fault("aggregate temporary in a co_await expression: name it first");
      if (/\?[^;:]*$/.test(lineBefore(text, match.index)) || /^co_await[^;]*\([^;]*\?[^;]*:[^;]*\)/.test(expression.replace(/\[[^\]]*\][^{]*\{[\s\S]*\}/, ""))) {
        fault("conditional expression around or in a co_await expression: use if, or name the value first");
      }
      if (/(&&|\|\|)\s*!?\s*$/.test(text.slice(0, match.index)) && /\w\s*[({]/.test(expression.slice(expression.indexOf("(") + 1))) {
        fault("temporary in an operand of && or || with co_await: name it first");
      }
      if (/\[(?:[^\]&]*\b(?!this\b)\w+\b[^\]]*|=)\]\s*(\([^)]*\))?\s*(mutable\s*)?(->[^{]*)?\{/.test(captureList(expression))) {
        fault("lambda that captures by value in a co_await expression: name it first");
      }
    }
    if (/asio::detached/.test(text) && !/_test(_support)?\.[ch]pp$/.test(file) && !file.startsWith("tests/") && file !== "src/base/task_group.cpp") {
      faults.push({ file, line: lineOf(text, text.indexOf("asio::detached")), what: "only base/task_group detaches coroutines" });
    }
  }
  return faults;
}

/** From `start` to the statement's end at this nesting. */
function statementFrom(text: string, start: number): string {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    if ("([{".includes(text[i]!)) depth++;
    if (")]}".includes(text[i]!) && --depth < 0) return text.slice(start, i);
    if (text[i] === ";" && depth <= 0) return text.slice(start, i);
  }
  return text.slice(start);
}

function lineBefore(text: string, index: number): string {
  return text.slice(text.lastIndexOf("\n", index) + 1, index);
}

/** The expression with subscripts removed, so that what is left in brackets is lambda captures. */
function captureList(expression: string): string {
  return expression.replace(/[\w)\]]\[[^\]]*\]/g, "").replace(/\[&\w*(, ?&\w+)*\]/g, "");
}
