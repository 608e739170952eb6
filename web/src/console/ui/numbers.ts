/** Numbers as the console writes them: in the digits that the portal and the desk use in both languages. */

const WHOLE = new Intl.NumberFormat("zh-CN", { maximumFractionDigits: 0 });
const SHARE = new Intl.NumberFormat("zh-CN", { style: "percent", maximumFractionDigits: 0 });

export function number(value: number): string {
  return WHOLE.format(value);
}

/** @param share 0 to 1 */
export function percent(share: number): string {
  return SHARE.format(share);
}

/** The end of an axis for values up to `most`: even, so that its middle is whole, and round. */
export function niceTop(most: number): number {
  const magnitude = 10 ** Math.floor(Math.log10(Math.max(1, most)));
  const step = [2, 4, 6, 8, 10, 20].find((times) => times * magnitude >= most) ?? 20;
  return step * magnitude;
}

/** A day as `2026-11-30`, so many days before `today`, by China's clock: what the server counts by. */
export function dayBefore(now: number, days: number): string {
  return new Date(now + 8 * 3600 * 1000 - days * 24 * 3600 * 1000).toISOString().slice(0, 10);
}

/** All days from `from` to `to`, both included. */
export function daysBetween(from: string, to: string): string[] {
  const days: string[] = [];
  for (let at = Date.parse(`${from}T00:00:00Z`); at <= Date.parse(`${to}T00:00:00Z`); at += 24 * 3600 * 1000) {
    days.push(new Date(at).toISOString().slice(0, 10));
  }
  return days;
}
