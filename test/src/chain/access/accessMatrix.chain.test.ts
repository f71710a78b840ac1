// Attacks G2, G3, G9, G11 and G12: who may call what. Every function that changes something, of every contract that is deployed, read out of
// the compiled ABIs, is called by everybody in every state of the market; what came of it is `accessMatrix.md`, for people to read. A
// function that is new has no arguments here and no row there, and fails this test twice.
import {
  type Abi,
  type AbiFunction,
  type Address,
  BaseError,
  decodeFunctionData,
  encodeFunctionData,
  erc20Abi,
  erc20Abi_bytes32,
  erc721Abi,
  erc1155Abi,
  erc4626Abi,
  type Hex,
  maxUint256,
  parseEther,
  toFunctionSelector,
  toFunctionSignature,
} from "viem";
import { afterAll, beforeAll, expect, test } from "vitest";
import * as compiled from "../../../../src/chain/abis.ts";
import {
  authorityAbi,
  iMakerAbi,
  insuranceFundAbi,
  iPayerAbi,
  iPermit2Abi,
  liquidationAuctionAbi,
  marketOracleAbi,
  optionPoolAbi,
  poolSharesAbi,
} from "../../../../src/chain/abis.ts";
import { revertNameOf } from "../../../../src/chain/decodeError.ts";
import { toAccountId } from "../../../../src/chain/optionId.ts";
import { defaultPoolParameters } from "../../../../src/chain/parameters.ts";
import { wrapEther } from "../../../../src/chain/uniswapV3.ts";
import { TestMarket } from "../../sdk/testMarket.ts";
import { startEthPool } from "../ethPoolFixture.ts";
import { type AccessCall, type AccessContract, type AccessPlace, accessContracts, type Owner } from "./accessCalls.ts";

const DAY = 86_400;
const start = Date.UTC(2026, 1, 1, 8) / 1000;
/** When the stake's cooldown is over and what was scheduled at the start may be done. */
const today = start + 10 * DAY + 3_600;
const near = start + 17 * DAY;
const far = start + 45 * DAY;
const SPOT = 2_700;
const [GOVERNOR, OPERATOR, STRANGER, LP] = [0, 2, 3, 6] as const;
const owners: Readonly<Record<Owner, number>> = { ann: 1, ben: 4, cara: 5, dora: 7 };

const callers = ["stranger", "operator", "owner", "governor"] as const;
type Caller = (typeof callers)[number];
const states = ["normal", "guarded", "stale", "expired", "settling", "settled", "crashed"] as const;
type State = (typeof states)[number];
type Outcomes = Map<string, string>;

let market: TestMarket;
let contracts: Readonly<Record<string, AccessContract>>;
const outcomes: Outcomes = new Map();
const keyOf = (contract: string, signature: string, caller: string, state: string) =>
  [contract, signature, caller, state].join(" ");

/** Functions of an ABI that change something. */
function changing(abi: Abi): readonly AbiFunction[] {
  return abi.filter(
    (item): item is AbiFunction =>
      item.type === "function" && item.stateMutability !== "view" && item.stateMutability !== "pure",
  );
}

beforeAll(async () => {
  const fixture = await startEthPool(start - 7_200, 100);
  const { anvil, pool } = fixture;
  market = await TestMarket.on(anvil, [near, far], { uniswap: fixture });
  const { deployment } = market;
  const { clearinghouse, insuranceFund, authority } = deployment;
  const everybody = [GOVERNOR, OPERATOR, STRANGER, LP, ...Object.values(owners)];
  for (const index of everybody) {
    await market.fund(index, 5_000_000);
    await market.transactor(index).write(deployment.quoteToken, erc20Abi, "approve", [insuranceFund, maxUint256]);
    await wrapEther(anvil.wallet(index), pool.baseToken, parseEther("100"));
    await market.transactor(index).write(pool.baseToken, erc20Abi, "approve", [clearinghouse, maxUint256]);
    await market.openMargin(index, 500_000);
  }

  // What is stopped in the guarded state is scheduled now; the stake cools down.
  for (const data of guardedCalls()) await schedule(authority, data);
  await schedule(market.pool.optionPool, reduceOnlyCall());
  const ann = market.transactor(owners.ann);
  await ann.write(insuranceFund, insuranceFundAbi, "deposit", [10_000_000_000n, ann.address]);
  await ann.write(insuranceFund, insuranceFundAbi, "startCooldown", [10n ** 21n]);

  // Everybody's requests.
  for (const index of [LP, ...Object.values(owners)]) await market.deposit(index, index === LP ? 2_000_000 : 50_000);
  await reportAndMark(start);
  for (const index of [LP, ...Object.values(owners)]) await market.claim(index);
  await market.deposit(owners.ben, 10_000);
  await market.redeem(owners.ben, 1_000n * 10n ** 18n);
  await reportAndMark(start + 120);

  await reportAndMark(today - 600);
  await market.ledger(owners.ann, "depositBase", [toAccountId(ann.address, 1), 1, parseEther("10")]);
  const trades = [
    [owners.ann, 1, near, 2_800, -2],
    [owners.ann, 1, far, 2_800, 3],
    [owners.ann, 0, near, 2_700, 5],
    [owners.ann, 0, far, 2_700, 2],
    [STRANGER, 0, far, 2_800, 60],
  ] as const;
  for (const [index, sub, expiry, strike, size] of trades) {
    await trade(index, sub, expiry, strike, size);
  }
  // Dora's two accounts have little more than their shorts need.
  const dora = market.address(owners.dora);
  for (const sub of [1, 2]) {
    if (sub === 2) await market.ledger(owners.dora, "depositCash", [toAccountId(dora, 2), 10_000_000_000n]);
    await trade(owners.dora, sub, far, 2_800, -8);
  }
  await market.ledger(owners.dora, "withdrawCash", [toAccountId(dora, 1), 490_000_000_000n, dora]);

  const operator = market.address(OPERATOR);
  const executor = deployment.markets[0]?.atomicExecutor ?? operator;
  for (const index of Object.values(owners)) {
    const account = toAccountId(market.address(index), 1);
    for (const named of [operator, executor]) {
      await market.ledger(index, "setAccountOperator", [account, named, true]);
    }
    await market.ledger(index, "setOperator", [operator, true]);
    await market.shares(index, "setOperator", [operator, true]);
  }
  await reportAndMark(today - 60);
  // In one minute: Ann's requests wait, Cara's are canceled.
  for (const name of ["ann", "cara"] as const) {
    await market.deposit(owners[name], 10_000);
    await market.redeem(owners[name], 100n * 10n ** 18n);
  }
  const place: AccessPlace = {
    deployment,
    pool: market.pool,
    baseToken: pool.baseToken,
    near,
    far,
    owners: addresses(),
    stranger: market.address(STRANGER),
    governor: market.address(GOVERNOR),
    requests: await requests(),
    oldReport: await lastReport(),
  };
  const cara = market.address(owners.cara);
  await market.shares(owners.cara, "cancelDepositRequest", [place.requests.cara.deposit, cara]);
  await market.shares(owners.cara, "cancelRedeemRequest", [place.requests.cara.redemption, cara]);
  contracts = accessContracts(place);

  for (const state of states) {
    const snapshot = await anvil.testClient.snapshot();
    await enter(state);
    await callEverything(state);
    await anvil.testClient.revert({ id: snapshot });
  }
  await callAfterTheDelay();
}, 300_000);

afterAll(() => market?.anvil.stop());

async function trade(index: number, sub: number, expiry: number, strike: number, size: number): Promise<void> {
  const refusal = await market.refusalOf(index, sub, [{ expiry, strike, kind: "call", size }]);
  if (refusal !== undefined) throw new Error(`${size} calls at ${strike}: ${refusal}`);
}

function addresses(): Readonly<Record<Owner, Address>> {
  const { ann, ben, cara, dora } = owners;
  return {
    ann: market.address(ann),
    ben: market.address(ben),
    cara: market.address(cara),
    dora: market.address(dora),
  };
}

async function requests(): Promise<AccessPlace["requests"]> {
  const of = async (index: number) => {
    const [deposit, redemption] = await market.client.readContract({
      address: market.pool.poolShares,
      abi: poolSharesAbi,
      functionName: "requestsOf",
      args: [market.address(index)],
    });
    return { deposit: deposit.requestId, redemption: redemption.requestId };
  };
  const { ann, ben, cara, dora } = owners;
  return { ann: await of(ann), ben: await of(ben), cara: await of(cara), dora: await of(dora) };
}

/** The last report that the oracle took. */
async function lastReport(): Promise<Hex> {
  let number = await market.client.getBlockNumber();
  for (; number > 0n; number -= 1n) {
    const block = await market.client.getBlock({ blockNumber: number, includeTransactions: true });
    const found = block.transactions.find(({ to }) => to === market.deployment.marketOracle.toLowerCase());
    if (found) return decodeFunctionData({ abi: marketOracleAbi, data: found.input }).args[0] as Hex;
  }
  throw new Error("no report");
}

async function reportAndMark(time: number, spot = SPOT): Promise<void> {
  await market.report({ time, spot, volatility: 0.6, signatures: 4 });
  await market.mark();
}

/** Everything that governance could close. */
function guardedCalls(): readonly Hex[] {
  const { deployment, pool } = market;
  const targets = [
    deployment.clearinghouse,
    deployment.liquidationAuction,
    deployment.marketOracle,
    deployment.riskEngine,
    deployment.settlementPrice,
    pool.optionPool,
    pool.poolShares,
    pool.spotHedger,
  ];
  return targets.map((target) =>
    encodeFunctionData({ abi: authorityAbi, functionName: "setTargetClosed", args: [target, true] }),
  );
}

function reduceOnlyCall(): Hex {
  const parameters = { ...defaultPoolParameters(6), reduceOnly: true };
  return encodeFunctionData({ abi: optionPoolAbi, functionName: "setParameters", args: [parameters] });
}

async function schedule(target: Address, data: Hex): Promise<void> {
  const { authority } = market.deployment;
  await market.transactor(GOVERNOR).write(authority, authorityAbi, "schedule", [target, data, 0]);
}

async function enter(state: State): Promise<void> {
  const { anvil, deployment, pool } = market;
  if (state === "guarded") {
    const send = async (to: Address, data: Hex) => {
      const hash = await anvil.wallet(GOVERNOR).sendTransaction({ to, data });
      const { status } = await market.client.waitForTransactionReceipt({ hash });
      if (status !== "success") throw new Error(`not closed: ${data}`);
    };
    await send(pool.optionPool, reduceOnlyCall());
    for (const data of guardedCalls()) await send(deployment.authority, data);
  }
  if (state === "stale") await anvil.mineAt(today + DAY / 2);
  if (state === "expired" || state === "settling" || state === "settled") {
    const averages = [{ expiry: near, average: SPOT }];
    await market.report({ time: near, spot: SPOT, volatility: 0.6, signatures: 4, averages });
    await market.mark();
  }
  if (state === "settling") {
    const accounts = [toAccountId(pool.optionPool, 1), toAccountId(market.address(owners.ann), 1)];
    await market.ledger(STRANGER, "startSettlement", [1, near]);
    await market.ledger(STRANGER, "settleAccounts", [1, near, accounts]);
  }
  if (state === "settled") await market.settle(near, [[owners.ann, 1]]);
  if (state === "crashed") {
    await reportAndMark(today + 60, SPOT * 1.35);
    const id = toAccountId(market.address(owners.dora), 2);
    await market.transactor(STRANGER).write(deployment.liquidationAuction, liquidationAuctionAbi, "start", [id, "0x"]);
  }
}

function addressOf(caller: Caller, call: AccessCall): Address {
  if (caller === "owner") return market.address(owners[call.owner ?? "ann"]);
  return market.address({ stranger: STRANGER, operator: OPERATOR, governor: GOVERNOR }[caller]);
}

/** `yes`, or the name of the error. */
async function outcomeOf(contract: AccessContract, fn: AbiFunction, from: Address, args: readonly unknown[]) {
  const data = encodeFunctionData({ abi: [fn] as Abi, args: [...args] });
  try {
    await market.client.call({ account: from, to: contract.address, data, gas: 16_000_000n });
    return "yes";
  } catch (error) {
    if (!(error instanceof BaseError)) throw error;
    const name = revertNameOf(error);
    return name === undefined ? "reverts" : name.replace(/^.*_/, "");
  }
}

function* everyCall() {
  for (const [name, contract] of Object.entries(contracts)) {
    for (const fn of changing(contract.abi)) {
      for (const [signature, call] of Object.entries(contract.calls)) {
        if (signatureOf(signature) === toFunctionSignature(fn)) yield { name, contract, fn, signature, call };
      }
    }
  }
}

/** Without the words that follow it. */
function signatureOf(key: string): string {
  return key.split(" ")[0] ?? key;
}

async function callEverything(state: State): Promise<void> {
  for (const { name, contract, fn, signature, call } of everyCall()) {
    for (const caller of callers) {
      const outcome = await outcomeOf(contract, fn, addressOf(caller, call), call.args);
      outcomes.set(keyOf(name, signature, caller, state), outcome);
    }
    if (call.only) {
      outcomes.set(keyOf(name, signature, "contract", state), await outcomeOf(contract, fn, call.only, call.args));
    }
  }
}

/** What the governor may do once it was announced for seven days, and not a second before. */
async function callAfterTheDelay(): Promise<void> {
  const scheduled = [...everyCall()].filter(
    ({ name, signature }) => outcomes.get(keyOf(name, signature, "governor", "normal")) === "AccessManagerNotScheduled",
  );
  for (const { contract, fn, call } of scheduled) {
    await schedule(contract.address, encodeFunctionData({ abi: [fn] as Abi, args: [...call.args] }));
  }
  const { timestamp } = await market.client.getBlock();
  const governor = market.address(GOVERNOR);
  await market.anvil.mineAt(Number(timestamp) + 7 * DAY - 600);
  for (const { name, contract, fn, signature, call } of scheduled) {
    outcomes.set(keyOf(name, signature, "governor", "early"), await outcomeOf(contract, fn, governor, call.args));
  }
  await market.anvil.mineAt(Number(timestamp) + 7 * DAY + 60);
  for (const { name, contract, fn, signature, call } of scheduled) {
    outcomes.set(keyOf(name, signature, "governor", "late"), await outcomeOf(contract, fn, governor, call.args));
  }
}

/** What holds in the normal state, and the states where something else does. */
function cellOf(contract: string, signature: string, caller: string): string {
  const of = (state: string) => outcomes.get(keyOf(contract, signature, caller, state)) ?? "";
  const normal = of("normal");
  const late = caller === "governor" && normal === "AccessManagerNotScheduled" && of("late") === "yes";
  const first = late ? `after 7 days (${of("early")} before)` : normal;
  const others = states.slice(1).filter((state) => of(state) !== normal);
  const byOutcome = new Map<string, string[]>();
  for (const state of others) byOutcome.set(of(state), [...(byOutcome.get(of(state)) ?? []), state]);
  return [first, ...[...byOutcome].map(([outcome, names]) => `${names.join(", ")}: ${outcome}`)].join("; ");
}

function table(): string {
  const head = `# Who may call what

Every function that changes something, called by a stranger, an operator of the owner, the owner of what it touches, the governor, and
the one contract that it is for, where there is one. There is no guardian: nobody stops anything at once. The cell says what came of it: \`yes\`, or the error's name. After a semicolon: the states
in which something else came of it.

| state | |
|---|---|
| normal | a minute after a report and its mark |
| guarded | governance has closed every contract that it can, and the pool only reduces |
| stale | no report for twelve hours |
| expired | the near expiry is over, its price known, nobody settled |
| settling | its accounts are settled, its payout not fixed |
| settled | its payout is fixed |
| crashed | spot up by 35 %, two accounts below maintenance, one of them up for auction |

The test that makes this table is \`accessMatrix.chain.test.ts\`; \`npx vitest run test/src/chain/access -u\` writes it anew.`;
  const sections = Object.keys(contracts).map((contract) => {
    const calls = [...everyCall()].filter(({ name }) => name === contract);
    const rows = calls.map(({ name, fn, signature }) => {
      const types = fn.inputs
        .map(({ type }) => (type.startsWith("tuple") ? `struct${type.slice(5)}` : type))
        .join(", ");
      const cells = [...callers, "contract"].map((caller) => cellOf(name, signature, caller));
      const words = signature.slice(signatureOf(signature).length);
      return `| \`${fn.name}(${types})\`${words} | ${cells.join(" | ")} |`;
    });
    return [
      `## ${contract}`,
      "",
      "| function | stranger | operator | owner | governor | contract |",
      "|---|---|---|---|---|---|",
      ...rows,
    ].join("\n");
  });
  return `${[head, ...sections].join("\n\n")}\n`;
}

test("attack G2: every changing function of every deployed contract is called", () => {
  const deployable = Object.entries(compiled)
    .filter(([name]) => name.endsWith("Abi") && `${name.slice(0, -"Abi".length)}Bytecode` in compiled)
    .filter(([, abi]) => changing(abi as Abi).length > 0)
    .map(([name]) => name.slice(0, -"Abi".length))
    .filter((name) => name !== "localToken"); // stands in for tokens of others on local chains
  const named = Object.keys(contracts).map((name) => `${name[0]?.toLowerCase()}${name.slice(1)}`);
  expect(named.toSorted()).toEqual(deployable.toSorted());
  expect(deployable.length).toBeGreaterThan(10);
  for (const [name, { abi, calls }] of Object.entries(contracts)) {
    const signatures = changing(abi).map((fn) => toFunctionSignature(fn));
    const called = [...new Set(Object.keys(calls).map(signatureOf))];
    expect(called.toSorted(), name).toEqual(signatures.toSorted());
  }
});

test("attacks G2 and D24: what comes of every call in every state is what the table says", async () => {
  await expect(table()).toMatchFileSnapshot("accessMatrix.md");
});

test("attack E14: what contracts call on whom somebody names is understood by makers and payers alone", () => {
  const selectors = (abi: Abi) =>
    abi.filter((item) => item.type === "function").map((item) => toFunctionSelector(item));
  const callbacks = [iMakerAbi, iPayerAbi].flatMap(selectors);
  expect(callbacks).toHaveLength(2);
  const understands = ([, abi]: readonly [string, Abi]) => selectors(abi).some((found) => callbacks.includes(found));
  const ours = Object.entries(contracts).map(([name, { abi }]) => [name, abi] as const);
  const tokens = [
    ["ERC-20", erc20Abi],
    ["ERC-20 of bytes", erc20Abi_bytes32],
    ["ERC-721", erc721Abi],
    ["ERC-1155", erc1155Abi],
    ["ERC-4626", erc4626Abi],
    ["Permit2", iPermit2Abi],
  ] as const;
  const found = [...ours, ...tokens].filter(understands).map(([name]) => name);
  expect(found).toEqual(["OptionPool", "PoolShares", "InsuranceFund", "LiquidationAuction", "SignedOrders"]);
});

test("attack G3: what is for one contract is for nobody else, in no state", () => {
  const callbacks = [...everyCall()].filter(({ call }) => call.only);
  expect(callbacks.length).toBeGreaterThan(10);
  for (const { name, signature } of callbacks) {
    for (const state of states) {
      for (const caller of callers)
        expect(outcomes.get(keyOf(name, signature, caller, state)), signature).not.toBe("yes");
    }
  }
});

test("attack G12: whatever the governor's key alone can do waits for seven days", () => {
  const alone = [...everyCall()].filter(({ name, signature }) =>
    states.some((state) => {
      const outcome = (caller: string) => outcomes.get(keyOf(name, signature, caller, state));
      return outcome("governor") === "yes" && outcome("stranger") !== "yes";
    }),
  );
  // To announce, and to leave.
  expect(alone.map(({ fn }) => fn.name)).toEqual(["renounceRole", "schedule"]);
});

test("attack G12: nobody but the governor has a role, and nobody guards or gives another one", async () => {
  const { authority } = market.deployment;
  const grants = await market.client.getContractEvents({
    address: authority,
    abi: authorityAbi,
    eventName: "RoleGranted",
    fromBlock: 0n,
  });
  expect(grants.length).toBeGreaterThan(0);
  for (const { args } of grants) expect([args.roleId, args.account]).toEqual([0n, market.address(GOVERNOR)]);
  for (const functionName of ["getRoleGuardian", "getRoleAdmin"] as const) {
    expect(await market.client.readContract({ address: authority, abi: authorityAbi, functionName, args: [0n] })).toBe(
      0n,
    );
  }
});

test("attack G9: nothing that is closed stops a user", () => {
  let open = 0;
  for (const { name, signature } of everyCall()) {
    for (const caller of ["stranger", "operator", "owner"]) {
      if (outcomes.get(keyOf(name, signature, caller, "normal")) !== "yes") continue;
      const guarded = outcomes.get(keyOf(name, signature, caller, "guarded"));
      // The pool opens nothing while it only reduces, as a parameter of it says; what closes is another row.
      const opens = /^(trade|execute)\(\S*$/.test(signature);
      expect([signature, caller, guarded]).toEqual([signature, caller, opens ? "ReduceOnly" : "yes"]);
      open += 1;
    }
  }
  expect(open).toBeGreaterThan(60);
});

test("attacks E10, E11, G1 and G11: no ether is taken, nothing is set up twice, nothing is swept", () => {
  for (const [name, { abi }] of Object.entries(contracts)) {
    const functions = changing(abi);
    const paid = functions.filter(({ stateMutability }) => stateMutability === "payable").map((fn) => fn.name);
    expect(paid, name).toEqual(name === "Authority" ? ["execute"] : []); // OpenZeppelin's, hands on what it gets
    expect(abi.filter(({ type }) => type === "receive" || type === "fallback")).toEqual([]);
    expect(functions.filter((fn) => /^(init|reinit|recover|rescue|sweep|skim)/i.test(fn.name))).toEqual([]);
  }
});
