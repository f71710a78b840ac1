import { TwinEngine } from "./engines/twinEngine.ts";
import { marketTerms } from "./terms.ts";
import { RandomActions } from "../../test/src/simulation/randomActions.ts";
const START = Date.UTC(2026, 0, 31, 9) / 1000;
const twin = new TwinEngine(marketTerms());
const acts = new RandomActions(11, START, { takers: ["cleo"], providers: ["ada", "ben"] });
const swaps: any[] = []; let last = 0;
for (let i = 0; i < 200; i++) { const a = acts.next(); if (a.kind === "settle") break; twin.act(a); last = a.time; if (a.kind === "swap" && a.legs.length === 1) swaps.push(a); }
const tl = swaps.map((a) => a.legs).filter((l:any)=> l[0].expiry > last + 3*86400);
for (let i = 0; i < 60000; i++) twin.quote(tl[i % tl.length]!, last + 60);
