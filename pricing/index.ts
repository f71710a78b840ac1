export * from "./black76.ts";
export * from "./calibrateEssvi.ts";
export * from "./errors.ts";
export * from "./essvi.ts";
export * from "./impliedVolatility.ts";
export * from "./normal.ts";
export * from "./sliceWord.ts";
export * from "./units.ts";
