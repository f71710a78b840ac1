import { FloatEngine, floatLeg } from "./engines/floatEngine.ts";
import { TwinEngine } from "./engines/twinEngine.ts";
import { marketTerms } from "./terms.ts";
import { RandomActions } from "../../test/src/simulation/randomActions.ts";
const START = Date.UTC(2026, 0, 31, 9) / 1000;
const terms = marketTerms();
const [twin, float] = [new TwinEngine(terms), new FloatEngine(terms)];
const acts = new RandomActions(11, START, { takers: ["cleo"], providers: ["ada", "ben"] });
const swaps: any[] = [];
let last = 0;
for (let i = 0; i < 300; i++) { const a = acts.next(); if (a.kind === "settle") break; twin.act(a); float.act(a); last = a.time; if (a.kind === "swap" && a.legs.length === 1) swaps.push(a); }
const legs = swaps.map((a) => a.legs.map(floatLeg)).filter((l:any)=> l[0].expiry > last + 3*86400);
const tl = swaps.map((a) => a.legs).filter((l:any)=> l[0].expiry > last + 3*86400);
function rate(n: number, f: (i: number) => void) { for (let i = 0; i < n/3; i++) f(i); const s = process.cpuUsage(); for (let i = 0; i < n; i++) f(i); const d = process.cpuUsage(s); return n / ((d.user + d.system) / 1e6); }
for (const dt of [5, 60]) {
console.log(dt, "float quotes/s", rate(1e6, (i) => float.market.quote(legs[i % legs.length]!, last + dt)));
console.log("twin quotes/s", rate(20000, (i) => twin.quote(tl[i % tl.length]!, last + dt)));
}
// trades: fresh pool
const f2 = new FloatEngine(terms);
const a2 = new RandomActions(11, START, { takers: ["cleo"], providers: ["ada", "ben"] });
let l2 = 0; for (let i = 0; i < 6; i++) { const a = a2.next(); f2.act(a); l2 = a.time; if (a.kind === "claim") break; }
const sm = legs.map((l: any) => [{ ...l[0], size: l[0].size > 0 ? 100000 : -100000 }]);
let done = 0, ref: any = {};
console.log("float trades/s", rate(3e5, (i) => { const l = sm[(i>>1) % sm.length]![0]; const r = f2.market.swap([{ ...l, size: i & 1 ? -l.size : l.size }], l2 + 1, Infinity); if (typeof r !== "string") done++; else ref[r] = (ref[r] ?? 0) + 1; }), done, ref);
