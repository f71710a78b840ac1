import type { WaterfallDebtor, WaterfallScenario, WaterfallView } from "../../src/sdk/waterfall.ts";
import { bold, dim, green, red } from "./colour.ts";
import { amount, percent, shock, time } from "./format.ts";
import { facts, heading, table } from "./table.ts";

/** Debtors of the worst scenario that are listed. */
const DEBTORS_SHOWN = 5;

/** `insurance waterfall`. */
export function renderWaterfall(view: WaterfallView): string {
  const { symbol, quoteSymbol, scenarios } = view;
  const worst = scenarios.find((scenario) => scenario.worst);
  return [
    heading(`${symbol}: who would pay if this happened now`),
    dim(
      `Amounts in ${quoteSymbol}. Block ${view.block}, ${time(view.time)}, spot ${amount(view.spot)}; ${lookedAt(view)}.`,
    ),
    ...(view.unconfirmed ? [red("A large move waits for confirmation: the scenarios start from it.")] : []),
    "",
    scenarioTable(scenarios),
    dim(
      "LPs lose by their pools' own books (negative: they gain), before what others leave unpaid to them and what they pay behind the fund.",
    ),
    "",
    ...(worst && worst.debtors.length > 0 ? debtorLines(worst) : [green("No account fails in any scenario.")]),
    "",
    heading("Insurance fund"),
    fundFacts(view),
    dim(
      "The stress losses are the chain's own sum: each account in its own worst scenario, as of when it was last touched, pools left out.",
    ),
  ].join("\n");
}

function lookedAt({ accounts, pools }: WaterfallView): string {
  return `${accounts} ${accounts === 1 ? "account" : "accounts"} and ${pools} ${pools === 1 ? "pool" : "pools"}`;
}

function scenarioTable(scenarios: readonly WaterfallScenario[]): string {
  return table(
    [
      { title: "spot" },
      { title: "volatility", align: "left" },
      { title: "fail" },
      { title: "collateral lost" },
      { title: "shortfall" },
      { title: "fund pays" },
      { title: "pools pay" },
      { title: "unpaid" },
      { title: "payout ratio" },
      { title: "LPs lose" },
      { title: "", align: "left" },
    ],
    scenarios.map((scenario) => [
      shock(scenario.spotShock),
      `${shock(scenario.volatilityShock)}${scenario.inverted ? " inverted" : ""}`,
      String(scenario.failing),
      amount(scenario.collateralLost),
      amount(scenario.shortfall),
      amount(scenario.fundPays),
      amount(scenario.backstopsPay),
      scenario.unpaid > 0 ? red(amount(scenario.unpaid)) : amount(scenario.unpaid),
      percent(scenario.payoutRatio, 2),
      amount(scenario.poolsLoss),
      scenario.worst ? bold("◄ worst") : "",
    ]),
  );
}

/** The largest debtors of one scenario. */
function debtorLines({ debtors, spotShock, volatilityShock }: WaterfallScenario): readonly string[] {
  const more = debtors.length - DEBTORS_SHOWN;
  return [
    bold(`Largest debtors at the worst: spot ${shock(spotShock)}, volatility ${shock(volatilityShock)}`),
    table(
      [{ title: "account", align: "left" }, { title: "collateral lost" }, { title: "shortfall" }],
      debtors.slice(0, DEBTORS_SHOWN).map(debtorRow),
    ),
    ...(more > 0 ? [dim(`and ${more} more; --json has all of them`)] : []),
  ];
}

function debtorRow({ name, collateralLost, shortfall }: WaterfallDebtor): readonly string[] {
  return [name, amount(collateralLost), amount(shortfall)];
}

function fundFacts({ fund, quoteSymbol }: WaterfallView): string {
  const { held, target } = fund;
  const share = target === 0 ? "nothing is at stake now" : `${percent(held / target, 0)} of its target is held`;
  return facts([
    ["held", amount(held), quoteSymbol],
    ["target", amount(target), `${quoteSymbol}; ${share}`],
    ["pools behind it", amount(fund.backstops), `${quoteSymbol} at most`],
    ["stress losses on chain", amount(fund.stressLoss), quoteSymbol],
    ["unpaid debts of settlements", amount(fund.unpaidDebts), quoteSymbol],
    ["provisions for liquidations", amount(fund.provisions), quoteSymbol],
    ...(fund.setAside > 0 ? [["set aside for other markets", amount(fund.setAside), quoteSymbol] as const] : []),
  ]);
}
