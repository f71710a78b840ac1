#!/usr/bin/env node
// Lets forge use the `solc` package of npm as its compiler: answers `--version` and `--standard-json`.
// Answers are kept under node_modules/.cache/solc, keyed by the compiler's version and the whole input.
const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");

const { version: packageVersion } = require("solc/package.json");
const cacheDirectory = path.join(__dirname, "..", "node_modules", ".cache", "solc");

/** Writes everything to standard output, which may be a full pipe. */
function write(text) {
  const bytes = Buffer.from(text);
  for (let offset = 0; offset < bytes.length; ) {
    try {
      offset += fs.writeSync(1, bytes, offset);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

/** The cached text of `name`, or the text that `make` returns, kept for the next call. */
function cached(name, make) {
  const file = path.join(cacheDirectory, name);
  if (fs.existsSync(file)) return fs.readFileSync(file, "utf8");
  const text = make();
  fs.mkdirSync(cacheDirectory, { recursive: true });
  const draft = `${file}.${process.pid}`;
  fs.writeFileSync(draft, text);
  fs.renameSync(draft, file); // two compilers at once never leave half a file
  return text;
}

function compile(input) {
  const solc = require("solc");
  if (!input.includes('"modelChecker"')) {
    const key = crypto.createHash("sha256").update(packageVersion).update(input).digest("hex");
    return cached(`${key}.json`, () => solc.compile(input));
  }
  const { availableSolvers, smtSolver } = require("solc/smtsolver");
  const { smtCallback } = require("solc/smtchecker");
  if (availableSolvers.length === 0) return solc.compile(input);
  return solc.compile(input, { smtSolver: smtCallback(smtSolver, availableSolvers[0]) });
}

const args = process.argv.slice(2);
if (args.includes("--version")) {
  const version = cached(`version-${packageVersion}`, () => require("solc").version());
  write(`solc, the solidity compiler commandline interface\nVersion: ${version}\n`);
} else if (args.includes("--standard-json")) {
  write(compile(fs.readFileSync(0, "utf8")));
} else {
  console.error(`solc.cjs answers --version and --standard-json, not: ${args.join(" ")}`);
  process.exit(1);
}
