import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { completionScript } from "../../lp-cli/completion.ts";
import { createProgram } from "../../lp-cli/program.ts";
import { MeniscusError } from "../../src/runtime/errors.ts";

const program = createProgram({ environment: {}, out: () => {}, err: () => {} });

/** What bash itself offers behind the words. */
function offered(...words: readonly string[]): readonly string[] {
  const typed = ["meniscus", ...words];
  const script = `${completionScript(program, "bash")}
COMP_WORDS=(${typed.map((word) => `'${word}'`).join(" ")})
COMP_CWORD=${typed.length - 1}
_meniscus
printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync("bash", ["-c", script], { encoding: "utf8" }).split("\n").filter(Boolean);
}

test("bash completes commands, those inside a group, and options", () => {
  expect(offered("")).toEqual(expect.arrayContaining(["pools", "buy", "condor", "insurance", "--json"]));
  expect(offered("str")).toEqual(["straddle", "strangle"]);
  expect(offered("pool", "")).toEqual(expect.arrayContaining(["show"]));
  expect(offered("statement", "--la")).toEqual(["--last"]);
  expect(offered("simulate", "--from", "2026-02-01", "--o")).toEqual(["--out"]);
  expect(offered("insurance", "wat")).toEqual(["waterfall"]);
  expect(offered("--json", "insurance", "st")).toEqual(["stake"]);
  expect(offered("buy", "1", "--sl")).toEqual(["--slippage"]);
  expect(offered("insurance", "waterfall", "--ma")).toEqual(["--market"]);
  expect(offered("buy", "--no-such")).toEqual([]);
});

test("zsh and fish have scripts that name every command", () => {
  for (const shell of ["zsh", "fish"]) {
    const script = completionScript(program, shell);
    for (const name of ["pools", "waterfall", "condor"]) expect(script).toContain(name);
  }
});

test("another shell is refused", () => {
  expect(() => completionScript(program, "tcsh")).toThrow(MeniscusError);
});
