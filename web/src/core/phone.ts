/** Telephone numbers as citizens write them. */

/** Digits of a number, as the server counts them; the longest by ITU-T E.164, section 6.2.1. */
const FEWEST = 3;
const MOST = 15;
/** Zeros of the digits people write: ASCII, Tibetan, full-width. */
const ZEROS = ["0", "༠", "０"].map((zero) => zero.charCodeAt(0));

/** The number as it is dialled: digits, with a plus sign at most in front; `undefined` where it is none. The server decides by the same rule. */
export function dialable(text: string): string | undefined {
  const bare = text.replace(/[\s()་－-]/g, "").replace(/^＋/, "+");
  const digits = Array.from(bare.replace(/^\+/, ""), digit);
  if (digits.includes(undefined) || digits.length < FEWEST || digits.length > MOST) return undefined;
  return (bare.startsWith("+") ? "+" : "") + digits.join("");
}

function digit(letter: string): number | undefined {
  return ZEROS.map((zero) => letter.charCodeAt(0) - zero).find((value) => value >= 0 && value <= 9);
}
