/** Which conversations stand side by side; pure. */

/** What is asked of {@link placed}. */
export interface Places {
  /** What stands there now, left to right. */
  shown: readonly string[];
  /** How many fit beside each other; at least one. */
  room: number;
  /** Where the agent is. */
  focused: string | undefined;
  /** Whether the agent has a conversation in hand. */
  isMine: (conversation: string) => boolean;
  /** When a column was looked at last; larger is later. */
  lookedAt: (conversation: string) => number;
}

/**
 * The columns once `wanted` is one of them. What somebody only looks into takes the place of what somebody only looked into;
 * where there is none it takes free room, and then the place of the column that was not looked at for longest.
 */
export function placed(wanted: string, places: Places): string[] {
  const shown = fitted(places);
  if (shown.includes(wanted)) return shown;
  const { focused } = places;
  const peek = (one: string) => !places.isMine(one);
  const focusedPeek = focused !== undefined && shown.includes(focused) && peek(focused) ? focused : undefined;
  const given = focusedPeek ?? shown.find(peek);
  if (given !== undefined) return shown.map((one) => (one === given ? wanted : one));
  if (shown.length < places.room) return [...shown, wanted];
  const others = shown.length > 1 ? shown.filter((one) => one !== focused) : shown;
  const oldest = others.reduce((a, b) => (places.lookedAt(b) < places.lookedAt(a) ? b : a));
  return shown.map((one) => (one === oldest ? wanted : one));
}

/** As many of the columns as there is room for: where the agent is, and what was looked at last. */
export function fitted({ shown, room, focused, lookedAt }: Places): string[] {
  const most = Math.max(1, room);
  if (shown.length <= most) return [...shown];
  const kept = [...shown].sort((a, b) => Number(b === focused) - Number(a === focused) || lookedAt(b) - lookedAt(a)).slice(0, most);
  return shown.filter((one) => kept.includes(one));
}

/** How many columns of at least `narrowest` pixels fit into `width`: one to `most`. */
export function roomFor(width: number, narrowest: number, most: number): number {
  return Math.max(1, Math.min(most, Math.floor(width / narrowest)));
}
