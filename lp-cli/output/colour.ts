/** Colours on terminals only, and never where NO_COLOR is set (https://no-color.org). */
const enabled = (): boolean =>
  process.stdout.isTTY === true && (process.env.NO_COLOR ?? "") === "" && process.env.TERM !== "dumb";

const paint = (open: number, close: number) => (text: string) =>
  enabled() && text !== "" ? `\u001b[${open}m${text}\u001b[${close}m` : text;

export const bold = paint(1, 22);
export const dim = paint(2, 22);
export const red = paint(31, 39);
export const green = paint(32, 39);

/** Green for gains, red for losses. */
export function byGain(value: number, text: string): string {
  if (value === 0) return text;
  return value > 0 ? green(text) : red(text);
}
