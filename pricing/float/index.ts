/** The market in float64: what pricing/fixed says to the unit, fast enough for sweeps. Parameters and names are the same. */

export { FloatBoard, type FloatSlice, StrikeValue, valueStrike } from "./board.ts";
export type { FloatHedgeMade } from "./hedge.ts";
export { FloatMargin, type FloatPosition } from "./margin.ts";
export { FloatMarket } from "./market.ts";
export { FloatOracle, type FloatReport, floatReport } from "./oracle.ts";
export { type FloatLeg, FloatQuote } from "./quote.ts";
export { VIRTUAL_SHARES } from "./shares.ts";
