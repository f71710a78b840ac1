import type { Chart } from "../../src/drawing/svgChart.ts";
import type { SmileResult, TermResult } from "../commands/oracle.ts";
import { amount, percent, time } from "./format.ts";

const days = (value: number): string => `${amount(value, value < 10 ? 1 : 0)} d`;
const strike = (value: number): string => amount(value, 0);

function table(slices: TermResult["slices"]): NonNullable<Chart["table"]> {
  return {
    head: ["expiry", "days", "forward", "at the money", "skew ρ", "slope ψ", "fits to"],
    rows: slices.map((slice) => [
      slice.name,
      amount(slice.days, 1),
      amount(slice.forward),
      percent(slice.volatility, 2),
      amount(slice.rho, 3),
      amount(slice.psi, 4),
      `${amount(100 * slice.residual, 2)} vol points`,
    ]),
  };
}

/** One smile over strikes, or all of them over standard deviations from the forward. */
export function smileChart({ symbol, quoteSymbol, round, modelTime, spot, smiles }: SmileResult): Chart {
  const [first] = smiles;
  const alone = smiles.length === 1 && first !== undefined;
  const of = `round ${round}, ${time(modelTime)}, spot ${amount(spot)} ${quoteSymbol}`;
  return {
    title: alone ? `${symbol} smile of ${first.name}` : `${symbol} smiles by expiry`,
    subtitle: alone ? `${of}, ${amount(first.days, 1)} days` : of,
    xTitle: alone
      ? `strike, ${quoteSymbol}`
      : "distance from the forward, standard deviations at the money: ln(K/F)/(σ√τ)",
    yTitle: "implied volatility, per cent a year",
    xScale: "linear",
    formatX: alone ? strike : (x) => amount(x, 1),
    formatY: (y) => amount(y, 1),
    series: smiles.map(({ name, days: left, points }) => ({
      name: `${name}  ${days(left)}`,
      points: points.map((point) => ({ x: alone ? point.strike : point.deviations, y: 100 * point.volatility })),
    })),
    ...(alone ? { reference: { x: first.forward, name: `forward ${amount(first.forward)}` } } : {}),
    table: table(smiles),
  };
}

/** Ticks that people think in. */
const TERM_TICKS = [0, 1, 2, 7, 14, 30, 60, 90, 180, 270, 365, 730];

/** Volatility at the money over time to expiry; bars show how well each slice fits. */
export function termChart({ symbol, round, modelTime, spot, slices }: TermResult): Chart {
  return {
    title: `${symbol} term structure at the money`,
    subtitle: `round ${round}, ${time(modelTime)}, spot ${amount(spot)}; bars: fit residual`,
    xTitle: "days to expiry (square-root scale)",
    yTitle: "implied volatility, per cent a year",
    xScale: "root",
    formatX: (x) => amount(x, 0),
    formatY: (y) => amount(y, 1),
    xTicks: TERM_TICKS,
    series: [
      {
        name: "at the money",
        marks: true,
        points: slices.map(({ days: left, volatility, residual }) => ({
          x: left,
          y: 100 * volatility,
          error: 100 * residual,
        })),
      },
    ],
    table: table(slices),
  };
}
