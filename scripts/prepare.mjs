// Makes a fresh checkout runnable with Node and npm alone: installs the packages when they are missing or out of
// date, compiles the contracts when their sources changed, and generates the TypeScript ABIs. Does nothing, in a few
// milliseconds, when everything is in place. Plain JavaScript: it runs before any package is there.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const stampDirectory = join(root, "node_modules", ".cache", "meniscus");
const path = [join(root, "node_modules", ".bin"), process.env.PATH].join(delimiter);

function run(what, command, args) {
  console.error(`meniscus: ${what} …`);
  // Standard output is kept free for those who read `--json`.
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: ["ignore", 2, 2],
    env: { ...process.env, PATH: path, FOUNDRY_PROFILE: "default" },
  });
  if (result.status !== 0) {
    const why = result.error ? `: ${result.error.message}` : "";
    console.error(`meniscus: ${what} failed${why}. The command was: ${command} ${args.join(" ")}`);
    process.exit(1);
  }
}

function filesUnder(directory) {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

function digest(files) {
  const hash = createHash("sha256");
  for (const file of files) hash.update(file).update(readFileSync(file));
  return hash.digest("hex");
}

/** Runs `work` unless it already succeeded on the same inputs and left `result` behind. */
function once(name, inputs, result, work) {
  const stamp = join(stampDirectory, name);
  const wanted = digest(inputs);
  if (existsSync(result) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  work();
  mkdirSync(stampDirectory, { recursive: true });
  writeFileSync(stamp, wanted);
}

if (Number(process.versions.node.split(".")[0]) < 20) {
  console.error(`meniscus: Node 20 or newer is needed, this is ${process.version}.`);
  process.exit(1);
}
once("packages", [join(root, "package-lock.json")], join(root, "node_modules", "viem"), () =>
  run("installing packages (about half a minute)", "npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]),
);
const generator = join(root, "scripts", "generateAbis.ts");
const contracts = [...filesUnder(join(root, "pool-contracts")), join(root, "foundry.toml"), generator];
once("contracts", contracts, join(root, "src", "chain", "abis.ts"), () => {
  run("compiling contracts (about a minute the first time)", "forge", ["build", "pool-contracts"]);
  run("generating ABIs", process.execPath, ["--import", "tsx", generator]);
});
