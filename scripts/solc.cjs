#!/usr/bin/env node
// Lets forge use the `solc` package of npm as its compiler: answers `--version` and `--standard-json`.
// Answers are kept under node_modules/.cache/solc, keyed by the compiler's version and the whole input.
const { spawn } = require("node:child_process");
const crypto = require("node:crypto");
const fs = require("node:fs");
const { availableParallelism } = require("node:os");
const path = require("node:path");

const { version: packageVersion } = require("solc/package.json");
const cacheDirectory = path.join(__dirname, "..", "node_modules", ".cache", "solc");

/** Profiles of foundry.toml whose bytecode is measured: compiled as they say, tests too. */
const MEASURING = ["gas", "bench"];
const PARTS_PER_CORE = 4;
const TEST_OPTIMIZER = {
  enabled: true,
  runs: 1,
  details: { yul: true, yulDetails: { stackAllocation: true, optimizerSteps: "u:" } },
};

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

/** Compiles `text`; an answer is kept unless the model checker has a say in it. */
function compileOnce(text) {
  const solc = require("solc");
  if (!text.includes('"modelChecker"')) {
    const key = crypto.createHash("sha256").update(packageVersion).update(text).digest("hex");
    return cached(`${key}.json`, () => solc.compile(text));
  }
  const { availableSolvers, smtSolver } = require("solc/smtsolver");
  const { smtCallback } = require("solc/smtchecker");
  if (availableSolvers.length === 0) return solc.compile(text);
  return solc.compile(text, { smtSolver: smtCallback(smtSolver, availableSolvers[0]) });
}

/** `input` with the output of no other file than `files`. */
function selecting(input, files) {
  const { outputSelection } = input.settings;
  const selection = Object.fromEntries(
    Object.entries(outputSelection).map(([file, output]) => [file, files.includes(file) ? output : { "*": [] }]),
  );
  return { ...input, settings: { ...input.settings, outputSelection: selection } };
}

/** Splits the files into about `count` parts of like size, a large file by itself. */
function parted(files, sizeOf, count) {
  const parts = Array.from({ length: Math.min(count, files.length) }, () => ({ files: [], size: 0 }));
  for (const file of [...files].sort((a, b) => sizeOf(b) - sizeOf(a))) {
    const smallest = parts.reduce((a, b) => (b.size < a.size ? b : a));
    smallest.files.push(file);
    smallest.size += sizeOf(file);
  }
  return parts.map((part) => part.files);
}

function compileAside(text) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [__filename, "--one"], { stdio: ["pipe", "pipe", "inherit"] });
    const chunks = [];
    child.stdout.on("data", (chunk) => chunks.push(chunk));
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve(Buffer.concat(chunks).toString()) : reject(new Error(`solc ended with ${code}`)),
    );
    child.stdin.end(text);
  });
}

/** One answer of several to the same sources: the contracts of all, each complaint once. */
function merged(answers) {
  const errors = new Map(answers.flatMap((answer) => answer.errors ?? []).map((e) => [JSON.stringify(e), e]));
  const contracts = Object.assign({}, ...answers.map((answer) => answer.contracts ?? {}));
  return { ...answers[0], contracts, ...(errors.size > 0 ? { errors: [...errors.values()] } : {}) };
}

/**
 * Tests are never deployed, and half of what it takes to compile them is making them cheaper to run: outside the profiles
 * that measure gas they are optimised only as far as the stack needs, apart from the contracts, and on all cores.
 */
async function compile(text) {
  const input = JSON.parse(text);
  const wanted = Object.entries(input.settings.outputSelection ?? {})
    .filter(([, output]) => Object.values(output).some((kinds) => kinds.length > 0))
    .map(([file]) => file);
  const tests = wanted.filter((file) => file.startsWith("test/"));
  if (MEASURING.includes(process.env.FOUNDRY_PROFILE) || !input.settings.viaIR || tests.length === 0) {
    return compileOnce(text);
  }
  const light = { ...input, settings: { ...input.settings, optimizer: TEST_OPTIMIZER } };
  const contracts = wanted.filter((file) => !tests.includes(file));
  const cores = availableParallelism();
  const parts = parted(tests, (file) => input.sources[file].content.length, PARTS_PER_CORE * cores);
  const inputs = parts.map((files) => selecting(light, files));
  if (contracts.length > 0) inputs.unshift(selecting(input, contracts));
  const answers = [];
  const work = async () => {
    for (let next = inputs.shift(); next !== undefined; next = inputs.shift()) {
      answers.push(JSON.parse(await compileAside(JSON.stringify(next))));
    }
  };
  await Promise.all(Array.from({ length: cores }, work));
  return JSON.stringify(merged(answers));
}

const args = process.argv.slice(2);
if (args.includes("--version")) {
  const version = cached(`version-${packageVersion}`, () => require("solc").version());
  write(`solc, the solidity compiler commandline interface\nVersion: ${version}\n`);
} else if (args.includes("--standard-json")) {
  compile(fs.readFileSync(0, "utf8")).then(write, (error) => {
    console.error(error);
    process.exitCode = 1;
  });
} else if (args.includes("--one")) {
  write(compileOnce(fs.readFileSync(0, "utf8")));
} else {
  console.error(`solc.cjs answers --version and --standard-json, not: ${args.join(" ")}`);
  process.exit(1);
}
