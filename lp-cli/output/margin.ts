import type { AuctionView, GridView, MarginView, ScenarioView, StrikeView } from "../../src/sdk/margin.ts";
import { bold, dim, green, red } from "./colour.ts";
import { amount, contracts, orDash, percent, shock, signed, time } from "./format.ts";
import { table } from "./table.ts";

const BAR_WIDTH = 30;

/** The margin part of `account show`: what is used, where it ends, who takes how much, and whether the account is for sale. */
export function renderMargin(margin: MarginView, allScenarios: boolean): readonly string[] {
  const { initial, maintenance, strikes, auction } = margin;
  if (strikes.length === 0 && !auction) return [];
  return [
    "",
    usageLine("initial margin", initial),
    usageLine("maintenance margin", maintenance),
    ...worstLines(maintenance),
    liquidationLine(margin),
    ...(auction ? ["", auctionLine(auction, margin.quoteSymbol)] : []),
    ...(strikes.length > 0 ? ["", strikeTable(strikes, margin.quoteSymbol)] : []),
    ...(allScenarios
      ? ["", scenarioTable("Initial grid", initial), "", scenarioTable("Maintenance grid", maintenance)]
      : [dim("`--scenarios` shows the value in every scenario.")]),
  ];
}

/** `initial margin      ███████████████░░░░░░░░░░  61.2 % of equity, 1,234.00 left`. */
function usageLine(name: string, { used, worst }: GridView): string {
  const filled = Math.round(BAR_WIDTH * Math.min(1, Math.max(0, used ?? 1)));
  const bar = "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled);
  const share = used === null ? "no equity" : `${percent(used)} of equity`;
  const rest = worst < 0 ? `${amount(-worst)} missing` : `${amount(worst)} left`;
  return `${dim(name.padEnd(20))}${worst < 0 ? red(bar) : green(bar)}  ${share}, ${rest}`;
}

function worstLines({ scenarios, contingency }: GridView): readonly string[] {
  const worst = scenarios.find((scenario) => scenario.worst);
  const where = worst
    ? `${scenarioName(worst)}: ${signed(worst.counted)}`
    : "at a strike, between two spots of the grid";
  return [`${dim("worst scenario".padEnd(20))}${where}${dim(`; contingencies ${amount(contingency)}`)}`];
}

function liquidationLine({ liquidation, spot }: MarginView): string {
  const at = (level: number) => `${amount(level)} (${signed(100 * (level / spot - 1), 1)} %)`;
  const { below, above } = liquidation;
  const text =
    below === null && above === null
      ? "nowhere from a quarter of spot to four times"
      : below === spot && above === spot
        ? red("now: maintenance margin is missing")
        : `spot below ${orDash(below, at)}, above ${orDash(above, at)}`;
  return `${dim("liquidated at".padEnd(20))}${text}${dim(`; spot ${amount(spot)}, volatility as now`)}`;
}

function auctionLine({ startedAt, price, gross, provision, maxShare }: AuctionView, quoteSymbol: string): string {
  const offer =
    price < 0
      ? `the insurance fund pays ${amount(-price)} to who takes all of it`
      : `all of it, worth ${amount(gross)}, costs ${amount(price)} ${quoteSymbol}`;
  return [
    `${bold(red("For sale"))} since ${time(startedAt)}: ${offer}; at most ${percent(maxShare)} is sold at once.`,
    dim(`The insurance fund keeps ${amount(provision)} ${quoteSymbol} aside for it.`),
  ].join("\n");
}

function strikeTable(strikes: readonly StrikeView[], quoteSymbol: string): string {
  return table(
    [
      { title: "option", align: "left" },
      { title: "contracts" },
      { title: `value, ${quoteSymbol}` },
      { title: "in the worst" },
      { title: "margin it takes" },
    ],
    strikes.map(({ options, value, inWorst, margin }) => [
      options.map(({ name }) => name).join("\n"),
      options.map(({ contracts: size }) => contracts(size)).join("\n"),
      amount(value),
      amount(inWorst),
      margin < 0 ? green(amount(margin)) : amount(margin),
    ]),
  );
}

function scenarioTable(title: string, { scenarios, contingency, worst }: GridView): string {
  const rows = scenarios.map((scenario) => [
    shock(scenario.spotShock),
    `${shock(scenario.volatilityShock)}${scenario.inverted ? " inverted" : ""}`,
    signed(scenario.change),
    scenario.weight === 1 ? "" : `${percent(scenario.weight, 0)} counts`,
    signed(scenario.counted),
    scenario.worst ? bold("◄ worst") : "",
  ]);
  return [
    bold(title),
    table(
      [
        { title: "spot" },
        { title: "volatility", align: "left" },
        { title: "change" },
        { title: "" },
        { title: "counted" },
        { title: "", align: "left" },
      ],
      rows,
    ),
    dim(`contingencies ${amount(contingency)}; left in the worst ${amount(worst)}`),
  ].join("\n");
}

function scenarioName({ spotShock, volatilityShock, inverted }: ScenarioView): string {
  return `spot ${shock(spotShock)}, volatility ${shock(volatilityShock)}${inverted ? ", term structure inverted" : ""}`;
}
