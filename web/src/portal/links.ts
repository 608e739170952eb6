import type { Link } from "../protocol";

const ALLOWED = new Set(["https:", "http:", "tel:", "mailto:"]);

/** The link where its address is one a citizen may be sent to; `undefined` for scripts, files and what is no address at all. */
export function safeUrl(link: Link): Link | undefined {
  try {
    return ALLOWED.has(new URL(link.url).protocol) ? link : undefined;
  } catch {
    return undefined;
  }
}

/** Short numbers of China that somebody in need calls: police, fire, medical, traffic police. */
const EMERGENCY = new Set(["110", "119", "120", "122"]);

/** Telephone numbers of China as people write them: land lines with their area code, mobiles, 400 numbers, hotlines (123xx, 95xxx, 96xxx). */
const PHONES = /(?:0\d{2,3}[- ]?\d{7,8}|400[- ]?\d{3}[- ]?\d{4}|1[3-9]\d{9}|12[0-9]{3}|9[56]\d{3,4})/g;

/** The telephone numbers that stand in `text`, each once, as they are written and as they are dialled; Tibetan digits count too. */
export function phonesIn(text: string): { written: string; dialled: string }[] {
  const plain = text.replace(/[\u0f20-\u0f29]/g, (digit) => String(digit.charCodeAt(0) - 0x0f20));
  const found = new Map<string, string>();
  for (const match of plain.matchAll(PHONES)) {
    const at = match.index ?? 0;
    const [before, after] = [plain[at - 1] ?? "", plain.slice(at + match[0].length)];
    // A piece of a longer number, a sum or a share is none.
    if (/[\d.]/.test(before) || /^\s*(\d|\.\d|%|元|块|万|年|སྒོར)/.test(after)) continue;
    found.set(match[0].replace(/\D/g, ""), match[0]);
  }
  for (const number of emergencyNumbers(text)) found.set(number, number);
  return [...found].map(([dialled, written]) => ({ written, dialled }));
}

/** The emergency numbers that stand in `text`, each once; Tibetan digits count too. */
export function emergencyNumbers(text: string): string[] {
  const plain = text.replace(/[\u0f20-\u0f29]/g, (digit) => String(digit.charCodeAt(0) - 0x0f20));
  return [...new Set(plain.match(/\d+/g))].filter((digits) => EMERGENCY.has(digits));
}
