import { Command, CommanderError } from "commander";
import { describeError, MeniscusError } from "../src/runtime/errors.ts";
import type { BookScenarios } from "../src/sdk/bookScenario.ts";
import type { WaterfallView } from "../src/sdk/waterfall.ts";
import { type SimulationResult, simulate as simulateMarket } from "../src/simulation/simulate.ts";
import {
  renderMarketSimulation,
  type SimulationWords,
  simulationFlags,
  simulationOptions,
} from "../src/simulation/words.ts";
import * as account from "./commands/account.ts";
import * as insurance from "./commands/insurance.ts";
import * as keystore from "./commands/keystore.ts";
import * as lp from "./commands/lp.ts";
import * as oracle from "./commands/oracle.ts";
import * as pools from "./commands/pools.ts";
import * as statement from "./commands/statement.ts";
import * as trade from "./commands/trade.ts";
import { type WatchFrame, type WatchOptions, watch } from "./commands/watch.ts";
import { completionScript } from "./completion.ts";
import { toCsv } from "./output/csv.ts";
import { renderInsurance, renderInsuranceHistory, renderStake, renderUnstake } from "./output/insurance.ts";
import { toJson } from "./output/json.ts";
import { renderKeystore, renderKeystores } from "./output/keystore.ts";
import {
  renderAdvance,
  renderCancel,
  renderClaim,
  renderMark,
  renderPool,
  renderPools,
  renderPosition,
  renderRequest,
  renderRequests,
} from "./output/lp.ts";
import { renderReport, renderRun, renderSmile, renderStatus, renderTerm } from "./output/oracle.ts";
import { renderScenarios } from "./output/scenario.ts";
import { renderSimulation, renderStatement } from "./output/statement.ts";
import {
  renderAccount,
  renderCash,
  renderChain,
  renderPositions,
  renderQuote,
  renderRedemption,
  renderSubmit,
  renderTrade,
} from "./output/trade.ts";
import { renderWatched } from "./output/watch.ts";
import { renderWaterfall } from "./output/waterfall.ts";
import { readProfile } from "./profiles.ts";
import { type GlobalOptions, Session } from "./session.ts";
import { strategies } from "./strategies.ts";

/** Where the command writes and what it knows of its surroundings. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The answer. */
  readonly out: (text: string) => void;
  /** Messages, questions, progress. */
  readonly err: (text: string) => void;
}

/** A command: how it is called, what it does, and how its data are shown to people. */
interface Declaration<TArguments extends readonly unknown[], TOptions, TData> {
  /** `deposit <amount>`, as commander reads it. */
  readonly usage: string;
  readonly summary: string;
  /** What a newcomer does next, and examples. */
  readonly more?: string;
  readonly options?: readonly (readonly [flags: string, description: string, standard?: string])[];
  readonly run: (session: Session, ...rest: [...TArguments, TOptions]) => Promise<TData>;
  readonly render: (data: TData) => string;
  /** The lines of its CSV; the answer itself where it is left out. */
  readonly rows?: (data: TData) => readonly object[];
}

function rowsOf<TData>(
  { rows }: { readonly rows?: (data: TData) => readonly object[] },
  data: TData,
): readonly object[] {
  if (rows) return rows(data);
  if (Array.isArray(data)) return data as readonly object[];
  return typeof data === "object" && data !== null ? [data] : [];
}

const accountOption = ["--account <n>", "0 is the wallet, 1 to 255 are margin accounts"] as const;
const waitOptions = [
  ["--no-wait", "do not wait for the price; claim later with `meniscus claim`"],
  ["--timeout <seconds>", "how long to wait (600)"],
] as const;
const outOption = ["--out <file>", "also write the picture to a .svg or .html file"] as const;
const requestOptions = [
  ["--max-charge <percent>", "goes back where the charge is above: 0.1, 0.2, 0.5, 1, 2, 5 or 10 (no bound)"],
  ...waitOptions,
] as const;
const tradeOptions = [
  ["--limit <price>", "worst price of one contract, or of one package as written"],
  ["--slippage <percent>", "how far the price may move, of the premium (1)"],
  ["--deadline <seconds>", "how long the swap may take to be mined (300)"],
  [...accountOption],
] as const;

const orderHelp = `
An option is SYMBOL-EXPIRY-STRIKE-C or -P, for example ETH-13FEB26-2000-C. A size before it counts contracts.
Several legs make one atomic package: +1 ETH-13FEB26-2000-C -1 ETH-13FEB26-2200-C; a number before them repeats it.`;

const signHelp = `
Whoever has the file can bring the trade to the chain, once, until its deadline: \`meniscus submit FILE\`. Price limit, legs, account and
payment are signed. The first time, a transaction lets Uniswap's Permit2 take your tokens; after that signing sends nothing.
Example: meniscus sign buy 1 ETH-13FEB26-2000-C --deadline 3600 > trade.json`;

const waterfallHelp = `
For stakers, LPs and holders who want to know how safe they are. Each row is one shock of the margin grid (spot, volatility,
term structure), as if it happened this second. Accounts it brings below zero lose all their collateral; what that does not cover is the
shortfall. The insurance fund pays it as far as it reaches, then the pools that stand behind it up to their caps; the rest stays
unpaid, and holders get the payout ratio of their claims.
An estimate of one moment: nobody has time to close, and real ratios are fixed for each expiry by itself. Next: \`meniscus insurance show\`.`;

/** Builds the whole command line. */
export function createProgram(surroundings: Surroundings): Command {
  const { environment, out, err } = surroundings;
  const program = new Command("meniscus")
    .description("Options against liquidity pools: for liquidity providers and for traders.")
    .option("--json", "the answer as JSON on standard output")
    .option("--csv", "the answer's rows as CSV")
    .option("--rpc <url>", "the chain's RPC", environment.MENISCUS_RPC ?? "http://127.0.0.1:8545")
    .option("--deployment <file>", "where the contracts are (deployments/<chainId>.json)")
    .option(
      "--profile <name>",
      "a profile of the config file: rpc, deployment, pool, as, keystore, passwordFile, database",
    )
    .option("--pool <name>", "which pool (the first)")
    .option("--as <who>", "name of a keystore, or an address to look at")
    .option("--keystore <file>", "an encrypted key file")
    .option("--password-file <file>", "its password; else MENISCUS_PASSWORD, else it is asked for")
    .option("--database <where>", "where history is kept: a folder, postgres://…, or none (~/.meniscus/history)")
    .option("-y, --yes", "do not ask before sending")
    .helpCommand("help [command]", "say more about a command")
    .addHelpText(
      "after",
      `
Begin with \`meniscus pools\`. To lend to a pool: \`meniscus deposit 10000\`. To trade: \`meniscus chain\`, then \`meniscus buy\`.
Keys come from an encrypted keystore (\`meniscus keystore create NAME\`) or MENISCUS_PRIVATE_KEY, never from an argument.
Options that you repeat belong into a profile: ~/.meniscus/config.json, { "profile": "local", "profiles": { "local": { "rpc": … } } }.
Exit codes: 2 usage, 3 key, 4 network, 5 funds, 6 market, 7 data, 70 defect.`,
    )
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => out(text.replace(/\n$/, "")),
      writeErr: (text) => err(text.replace(/\n$/, "")),
      outputError: () => {}, // `runProgram` says it
    })
    .exitOverride();

  /** What was typed wins over the profile, the profile over the environment and the defaults. */
  function withProfile(typed: GlobalOptions): GlobalOptions {
    const profile = Object.entries(readProfile(environment, typed.profile));
    const open = profile.filter(([name]) => program.getOptionValueSource(name) !== "cli");
    return { ...typed, ...Object.fromEntries(open) };
  }

  function add<TArguments extends readonly unknown[], TOptions, TData>(
    parent: Command,
    declaration: Declaration<TArguments, TOptions, TData>,
  ): void {
    const command = parent.command(declaration.usage).description(declaration.summary);
    for (const [flags, description] of declaration.options ?? []) command.option(flags, description);
    if (declaration.more) command.addHelpText("after", declaration.more);
    command.action(async (...received: unknown[]) => {
      received.pop(); // the command itself
      const options = received.pop();
      const globals = withProfile(command.optsWithGlobals<GlobalOptions>());
      const session = new Session(globals, environment, err);
      // What commander hands over has the shape of the declaration's own usage and options.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      const data = await declaration.run(session, ...(received as unknown as TArguments), options as TOptions);
      out(globals.json ? toJson(data) : globals.csv ? toCsv(rowsOf(declaration, data)) : declaration.render(data));
    });
  }

  /** A command without arguments and options of its own. */
  const addPlain = <TData>(parent: Command, declaration: Declaration<[], object, TData>) => add(parent, declaration);

  // For everybody
  addPlain(program, {
    usage: "pools",
    summary: "pools, their value, share price and oracle",
    more: "\nNext: `meniscus deposit 10000` lends to a pool, `meniscus chain` shows its prices.",
    run: pools.pools,
    render: renderPools,
  });
  const onePool = program.command("pool").description("one pool in full");
  add<[], { out?: string }, pools.ShowResult>(onePool, {
    usage: "show",
    summary: "the book by expiry and strike, Greeks, margin, free liquidity, limits",
    more: "\nThe pool of --pool, or the first. Drawn: profit by the spot, vega and delta by expiry. Next: `meniscus scenario`.",
    options: [outOption],
    rows: ({ expiries }) => expiries.flatMap(({ name, strikes }) => strikes.map((row) => ({ expiry: name, ...row }))),
    run: pools.show,
    render: renderPool,
  });
  add<[], WatchOptions, readonly WatchFrame[]>(program, {
    usage: "watch",
    summary: "a pool as it changes, with its share price drawn, until Ctrl-C",
    options: [
      ["--every <seconds>", "how often to look (2)"],
      ["--times <n>", "how many times (without end)"],
    ],
    run: watch,
    render: renderWatched,
  });
  addPlain(program, {
    usage: "mark",
    summary: "value a pool's book under the last report, which prices waiting requests; anyone may",
    run: pools.mark,
    render: renderMark,
  });

  // For liquidity providers
  add<[string], lp.RequestOptions, lp.RequestOutcome>(program, {
    usage: "deposit <amount>",
    summary: "lend quote tokens to a pool: asks, waits for the price, claims the shares",
    more: `
Priced at the first mark under a report of the next full minute or later; until that minute \`meniscus cancel\` takes it back at once.
One deposit at a time. Example: meniscus deposit 10000 --max-charge 0.5%. Next: \`meniscus position\`.`,
    options: requestOptions,
    run: lp.deposit,
    render: renderRequest,
  });
  add<[string], lp.RequestOptions, lp.RequestOutcome>(program, {
    usage: "withdraw [shares]",
    summary: "leave a pool with some or all shares: asks, waits until it is paid, claims the money",
    more: `
Without a number everything leaves. What exceeds the pool's free liquidity waits and is priced when it is paid; with --max-charge it comes
back at the first mark that could pay it and charges more. One withdrawal at a time. Next: \`meniscus requests\`.`,
    options: requestOptions,
    run: (session, shares, options) => lp.withdraw(session, shares ?? "all", options),
    render: renderRequest,
  });
  addPlain(program, {
    usage: "claim",
    summary: "take priced shares, paid money and what goes back",
    run: lp.claim,
    render: renderClaim,
  });
  add<[string | undefined], lp.WaitOptions, lp.CancelOutcome>(program, {
    usage: "cancel [id]",
    summary: "end a deposit or withdrawal that waits, and take back what is left of it",
    more: `
At once before the request's cut-off, the end of its minute. Afterwards at the first mark under a report of the next full minute or later:
until then an earlier report still prices it. Without an id the only one that waits; \`meniscus requests\` lists them.`,
    options: waitOptions,
    run: lp.cancel,
    render: renderCancel,
  });
  addPlain(program, {
    usage: "requests",
    summary: "deposits and withdrawals on their way",
    more: "\nNext: `meniscus claim` takes what is claimable or goes back, `meniscus cancel ID` ends what waits.",
    rows: ({ requests }) => requests,
    run: lp.requests,
    render: renderRequests,
  });
  addPlain(program, {
    usage: "advance",
    summary: "while the oracle is silent, pay those who wait to leave what the worst scenario leaves them; anyone may",
    more: "\nAfter six hours without a report. The next mark counts it as payment at its own price. Next: `meniscus claim`.",
    run: lp.advance,
    render: renderAdvance,
  });
  addPlain(program, {
    usage: "position",
    summary: "shares, their value at bid, mid and ask, and the profit",
    run: lp.position,
    render: renderPosition,
  });
  add<[], { days?: string }, BookScenarios>(program, {
    usage: "scenario",
    summary: "what the pool's book would gain or lose by spot, volatility and days",
    more: "\nThe book as it stands, its hedge in it; an estimate in floating point. Next: `meniscus pools` for what the pool holds.",
    options: [["--days <n>", "days that pass before (0)"]],
    run: lp.scenario,
    rows: ({ rows, volatilityShocks }) =>
      rows.flatMap(({ spotShock, profits }) =>
        profits.map((profit, i) => ({ spotShock, volatilityShock: volatilityShocks[i], profit })),
      ),
    render: renderScenarios,
  });
  add<[], statement.StatementCommand, statement.StatementResult>(program, {
    usage: "statement",
    summary: "what was gained and why, yours and the pool's: premium, spread, delta, gamma, theta, vega, fees, …",
    more: `
Without a period from the beginning until now. Times are UTC: 2026-02-01 or 2026-02-01T08:00; a last day counts whole. Value counts at marks.
Examples: meniscus statement --last 7d --history day · meniscus --csv statement --history mark > marks.csv`,
    options: [
      ["--from <when>", "start of the period"],
      ["--to <when>", "its end"],
      ["--last <span>", "the period until now: 12h, 7d"],
      ["--history <step>", "a row by `mark` or by `day` too"],
      ["--whole", "the pool alone, no LP"],
      outOption,
    ],
    rows: ({ history, statement: own, pool }) => history ?? [own ?? pool],
    run: statement.statement,
    render: renderStatement,
  });
  add<[string | undefined], statement.SimulateCommand, statement.Simulation>(program, {
    usage: "simulate [amount]",
    summary: "what if you had deposited on a day: the shares, what leaving now would pay, and why",
    more: `
Priced as a deposit of that day would have been, at the first mark under a later report; then the shares gain what every share gained.
Example: meniscus simulate --from 2026-02-01 10000 --out since.svg. Next: \`meniscus deposit AMOUNT\`.`,
    options: [["--from <when>", "the day, UTC: 2026-02-01, or 2026-02-01T08:00"], outOption],
    rows: ({ rows }) => rows,
    run: statement.simulate,
    render: renderSimulation,
  });
  add<[], SimulationWords, SimulationResult>(program, {
    usage: "simulate-market",
    summary: "a pool on a recorded market with customers, informed takers, arbitrageurs: what LPs would have earned",
    more: `
Needs no chain. Every month is run with several seeds, beside a pool without inventory pricing, one with a flat impact and no hedge, covered
calls and USDC. Example: meniscus simulate-market --data DIR --seeds 3 --regimes --out DIR2; the page is DIR2/report.html.`,
    options: simulationFlags,
    rows: ({ figures }) => Object.entries(figures).map(([strategy, row]) => ({ strategy, ...row })),
    run: async (_session, words) => await simulateMarket(simulationOptions(words)),
    render: renderMarketSimulation,
  });

  // For traders
  add<[], { expiry?: string; strikes?: string }, trade.ChainResult>(program, {
    usage: "chain",
    summary: "option chain: bid, ask, volatility, delta",
    more: "\nNext: `meniscus quote 1 OPTION`.",
    options: [
      ["--expiry <day>", "one expiry, for example 13FEB26"],
      ["--strikes <n>", "about how many strikes (7, one expiry 21)"],
    ],
    rows: ({ expiries }) => expiries.flatMap(({ rows, ...expiry }) => rows.map((row) => ({ ...expiry, ...row }))),
    run: trade.chain,
    render: renderChain,
  });
  add<[readonly string[]], trade.AccountOption, Awaited<ReturnType<typeof trade.quote>>>(program, {
    usage: "quote <order...>",
    summary: "what an order would cost, in parts; sends nothing",
    more: `\n\`quote sell ORDER\` asks for the other side.${orderHelp}`,
    options: [accountOption],
    run: trade.quote,
    render: renderQuote,
  });
  for (const [name, run, summary] of [
    ["buy", trade.buy, "buy an option or a package, with a preview"],
    ["sell", trade.sell, "sell an option or a package; writing needs a margin account"],
  ] as const) {
    add<[readonly string[]], trade.TradeOptions, trade.TradeOutcome>(program, {
      usage: `${name} <order...>`,
      summary,
      more: orderHelp,
      options: tradeOptions,
      run,
      render: renderTrade,
    });
  }
  add<[string, readonly string[]], trade.SignOptions, Awaited<ReturnType<typeof trade.sign>>>(program, {
    usage: "sign <side> <order...>",
    summary: "sign a buy or sell for somebody else to bring (`submit`), as JSON",
    more: signHelp,
    options: [...tradeOptions, ["--pay-in <amount>", "paid into the margin account before the swap"]],
    run: trade.sign,
    render: toJson,
  });
  add<[string], object, trade.SubmitOutcome>(program, {
    usage: "submit <file>",
    summary: "bring a trade that somebody has signed; costs gas alone",
    run: trade.submit,
    render: renderSubmit,
  });
  add<[readonly string[]], trade.TradeOptions, trade.TradeOutcome>(program, {
    usage: "close <order...>",
    summary: "close positions: `close OPTION`, `close 1 OPTION`, `close all`",
    options: tradeOptions,
    run: trade.close,
    render: renderTrade,
  });
  add<[string, string, string | undefined], trade.TradeOptions, trade.TradeOutcome>(program, {
    usage: "roll <option> <expiry> [strike]",
    summary: "move a position to another expiry (and strike) in one swap",
    more: "\nThe whole position: what is held is closed, as much is opened there. Example: `meniscus roll ETH-13FEB26-2000-C 13MAR26`.",
    options: tradeOptions,
    run: trade.roll,
    render: renderTrade,
  });
  for (const named of strategies) {
    add<[readonly string[]], trade.StrategyOptions, trade.TradeOutcome>(program, {
      usage: `${named.name} <terms...>`,
      summary: named.summary,
      more: `\nTerms: ${named.usage}. Example: \`meniscus ${named.name} ${named.example} --account 1\`. One swap, all legs or none; a leg that
is sold needs a margin account. The preview draws the profit by the spot at expiry before it asks.`,
      options: [
        ["--size <n>", "how many packages (1)"],
        ["--sell", "the other side: every leg turned round"],
        ...tradeOptions,
      ],
      run: (session, words, options) => trade.strategy(session, named, words, options),
      render: renderTrade,
    });
  }
  add<[], trade.AccountOption, trade.PositionList>(program, {
    usage: "positions",
    summary: "options held: cost, value, profit; and what closed and expired ones brought",
    more: "\nCosts come from the account's swaps, fees included, at average cost. Next: `meniscus close OPTION`, `meniscus redeem`.",
    options: [accountOption],
    rows: ({ positions, closed }) => [...positions, ...closed.map((row) => ({ ...row, state: "closed" }))],
    run: trade.positions,
    render: renderPositions,
  });
  add<[], trade.AccountOption, trade.RedemptionOutcome>(program, {
    usage: "redeem",
    summary: "take the payout of settled options",
    options: [accountOption],
    run: trade.redeem,
    render: renderRedemption,
  });

  const accounts = program.command("account").description("margin accounts: cash in, cash out, margin");
  add<[], account.ShowOptions, account.AccountResult>(accounts, {
    usage: "show",
    summary: "cash, collateral, margin, what each option takes of it, where the account would be liquidated",
    options: [accountOption, ["--scenarios", "the value in every scenario of the margin grids too"]],
    run: account.show,
    render: renderAccount,
  });
  add<[string], trade.AccountOption, account.CashOutcome>(accounts, {
    usage: "deposit <amount>",
    summary: "pay cash into a margin account (1)",
    options: [accountOption],
    run: account.deposit,
    render: renderCash,
  });
  add<[string], trade.AccountOption, account.CashOutcome>(accounts, {
    usage: "withdraw <amount>",
    summary: "take cash out, `all` for what margin leaves free",
    options: [accountOption],
    run: account.withdraw,
    render: renderCash,
  });

  program
    .command("completion <shell>")
    .description("a completion script for bash, zsh or fish")
    .addHelpText(
      "after",
      `
For example \`source <(meniscus completion bash)\` in ~/.bashrc, or \`meniscus completion fish > ~/.config/fish/completions/meniscus.fish\`.`,
    )
    .action((shell: string) => out(completionScript(program, shell)));

  const fund = program.command("insurance").description("the insurance fund: what it holds, staking, leaving");
  addPlain(fund, {
    usage: "show",
    summary: "what it holds, what is known to be lost, your stake",
    run: insurance.show,
    render: renderInsurance,
  });
  add<[string], object, insurance.StakeOutcome>(fund, {
    usage: "stake <amount>",
    summary: "put quote tokens at risk for a part of the fees and the liquidation penalties",
    more: "\nA stake pays for losses that accounts cannot, until it has left. Next: `meniscus insurance show`.",
    run: (session, amount) => insurance.stake(session, amount),
    render: renderStake,
  });
  add<[string | undefined], object, insurance.UnstakeOutcome>(fund, {
    usage: "unstake [shares]",
    summary: "leave with some or all shares: starts the cooldown, and pays when it is over",
    more: "\nCall it twice: now, and inside the window that opens after the cooldown.",
    run: (session, shares) => insurance.unstake(session, shares ?? "all"),
    render: renderUnstake,
  });
  addPlain(fund, {
    usage: "history",
    summary: "stakes, exits, losses covered, penalties received",
    rows: ({ events }) => events,
    run: insurance.history,
    render: renderInsuranceHistory,
  });
  add<[], insurance.WaterfallOptions, WaterfallView>(fund, {
    usage: "waterfall",
    summary: "who would pay how much if the market moved now: accounts, the fund, then whoever is owed",
    more: waterfallHelp,
    options: [["--market <n>", "number of the market (the first)"]],
    rows: ({ scenarios }) => scenarios,
    run: insurance.waterfall,
    render: renderWaterfall,
  });

  const oracles = program.command("oracle").description("the volatility oracle: its state, its reports, its nodes");
  add<[], { node?: readonly string[] }, oracle.StatusResult>(oracles, {
    usage: "status",
    summary: "round, ages, every expiry, disagreement, signers; nodes' health with --node",
    options: [["--node <url...>", "nodes to ask for their health, for example http://127.0.0.1:7001"]],
    run: oracle.status,
    render: renderStatus,
  });
  add<[string | undefined], object, oracle.ReportResult>(oracles, {
    usage: "report [which]",
    summary: "who signed what: the last surface, that of a round, or what a transaction carried",
    more: "\nWHICH is a round (42) or a transaction (0x…). Next: `meniscus oracle smile`.",
    run: (session, which) => oracle.inspect(session, which),
    render: renderReport,
  });
  add<[string], oracle.VerifyOptions, oracle.ReportResult>(oracles, {
    usage: "verify <report>",
    summary: "check a packed report without a chain: signatures, quorum, inequalities",
    more: `
REPORT is a file, the bytes as 0x…, or a node's URL. The chain and the oracle's address come from the deployment file, or from
--chain-id and --oracle; without --signers the signers' addresses are recovered and shown, not judged.`,
    options: [
      ["--signers <addresses>", "the signers in their order, separated by commas"],
      ["--quorum <n>", "how many of them are needed (more than two thirds)"],
      ["--oracle <address>", "the oracle's contract"],
      ["--chain-id <n>", "its chain"],
    ],
    run: oracle.verify,
    render: renderReport,
  });
  add<[string | undefined], oracle.DrawOptions, oracle.SmileResult>(oracles, {
    usage: "smile [expiry]",
    summary: "draw implied volatility over strikes: of one expiry, or of all",
    more: "\nEXPIRY is a day, for example 27FEB26.",
    options: [outOption],
    run: oracle.smile,
    render: renderSmile,
  });
  add<[], oracle.DrawOptions, oracle.TermResult>(oracles, {
    usage: "term",
    summary: "draw volatility at the money over time to expiry",
    options: [outOption],
    run: oracle.term,
    render: renderTerm,
  });
  add<[string], object, oracle.RunOutcome>(oracles, {
    usage: "run <config>",
    summary: "run a node until it is told to end; logs on standard error, /health and /metrics over HTTP",
    more: "\nCONFIG is a JSON file; src/volatility-oracle/config.ts says what it holds. Keys come from a variable or a file it names.",
    run: (session, config) => oracle.run(session, config),
    render: renderRun,
  });

  const keystores = program.command("keystore").description("encrypted keys (Web3 Secret Storage)");
  add<[string], object, Awaited<ReturnType<typeof keystore.create>>>(keystores, {
    usage: "create <name>",
    summary: "make a new key and encrypt it",
    more: "\nAsks for a password; scripts pass --password-file or MENISCUS_PASSWORD. Next: `meniscus --as NAME position`.",
    run: keystore.create,
    render: renderKeystore,
  });
  add<[string], { keyFile?: string }, Awaited<ReturnType<typeof keystore.importKey>>>(keystores, {
    usage: "import <name>",
    summary: "encrypt a key you have: from --key-file, MENISCUS_PRIVATE_KEY, or asked for",
    more: `
The file holds a private key, or is a keystore of another program (Web3 Secret Storage), which keeps its password.
Example: pass show ethereum | meniscus keystore import main --key-file - --password-file FILE. Next: \`meniscus keystore list\`.`,
    options: [["--key-file <file>", "a private key or a keystore; - is standard input"]],
    run: keystore.importKey,
    render: renderKeystore,
  });
  addPlain(keystores, {
    usage: "list",
    summary: "names and addresses",
    rows: ({ keystores: known }) => known,
    run: keystore.list,
    render: renderKeystores,
  });
  return program;
}

/**
 * Runs one command line to its end.
 *
 * @returns The exit code: 0, or the one of the error's kind.
 */
export async function runProgram(words: readonly string[], surroundings: Surroundings): Promise<number> {
  const program = createProgram(surroundings);
  try {
    if (words.length === 0) {
      program.outputHelp();
      return 0;
    }
    await program.parseAsync([...words], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      if (error.code !== "commander.help") surroundings.err(usageLine(error));
      return new MeniscusError("usage", "").exitCode;
    }
    if (error instanceof MeniscusError) {
      surroundings.err(`✗ ${describeError(error)}`);
      return error.exitCode;
    }
    surroundings.err(`✗ ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return new MeniscusError("internal", "").exitCode;
  }
}

/** Commander's complaint as one of ours. */
function usageLine(error: CommanderError): string {
  const message = error.message.replace(/^error: /, "").replace(/\n/g, " ");
  return `✗ ${message.charAt(0).toUpperCase()}${message.slice(1)}${/[.?!)]$/.test(message) ? "" : "."} \`meniscus --help\` lists commands and options.`;
}
