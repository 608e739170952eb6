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

/** The emergency numbers that stand in `text`, each once; Tibetan digits count too. */
export function emergencyNumbers(text: string): string[] {
  const plain = text.replace(/[\u0f20-\u0f29]/g, (digit) => String(digit.charCodeAt(0) - 0x0f20));
  return [...new Set(plain.match(/\d+/g))].filter((digits) => EMERGENCY.has(digits));
}
