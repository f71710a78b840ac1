/**
 * Seeds of the drills: faults at moments that chance picks. One by default, so that every run of the tests has it; more with
 * `MENISCUS_DRILL_SEEDS=20 npx vitest run -t "K[0-9]+ "`. A drill is called by its number in the list of faults, `K5 reorganisation`.
 */
const wanted = Number(process.env.MENISCUS_DRILL_SEEDS ?? 1);
if (!Number.isInteger(wanted) || wanted < 1) throw new RangeError("MENISCUS_DRILL_SEEDS is how many seeds: at least 1");

export const drillSeeds: readonly number[] = Array.from({ length: wanted }, (_, index) => index + 1);
