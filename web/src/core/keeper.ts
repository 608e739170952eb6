/**
 * What the page keeps on the phone: the token of the conversation, messages that no server has yet, and settings. Never what was
 * said or answered: that comes from the server again.
 *
 * The token lives in the tab (`sessionStorage`), because phones are shared in a family. Only while somebody waits for a person
 * or talks to one is there a copy that outlives the tab, and then the page asks before it opens it.
 */
import type { DurableMessage, Language } from "../protocol";

export interface Kept {
  token: string;
  pending: DurableMessage[];
}
export interface Settings {
  language?: Language;
  voice?: boolean;
  slow?: boolean;
}
/** The part of `Storage` that is used. */
export type Shelf = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** How the browser keeps things: as it should, only in this page's memory (it forbids more), or not at all because it is full. */
export type Storing = "kept" | "memory" | "full";

const CONVERSATION = "drilen.conversation";
const WAITING = "drilen.waiting";
const SETTINGS = "drilen.settings";
/** The server lets a conversation be resumed for 24 hours. */
const WAITING_LIFE_MS = 24 * 3600 * 1000;

export class Keeper {
  constructor(
    private readonly tab: Shelf,
    private readonly device: Shelf,
    private readonly now: () => number,
    private readonly onStoring: (storing: Storing) => void = () => undefined,
  ) {
    if (isMemory(tab)) onStoring("memory");
  }

  conversation(): Kept | undefined {
    return read<Kept>(this.tab, CONVERSATION);
  }

  /** Keeps `kept`; with `outliveTab`, also where the next visit of this phone finds it. */
  keep(kept: Kept, outliveTab: boolean): void {
    if (!write(this.tab, CONVERSATION, kept)) this.onStoring("full");
    else this.onStoring(isMemory(this.tab) ? "memory" : "kept");
    if (outliveTab) write(this.device, WAITING, { token: kept.token, until: this.now() + WAITING_LIFE_MS });
    else this.device.removeItem(WAITING);
  }

  /** The token of a conversation that was waiting for a person when the tab went away. */
  waiting(): string | undefined {
    const found = read<{ token: string; until: number }>(this.device, WAITING);
    if (found === undefined) return undefined;
    if (found.until > this.now()) return found.token;
    this.device.removeItem(WAITING);
    return undefined;
  }

  forget(): void {
    this.tab.removeItem(CONVERSATION);
    this.device.removeItem(WAITING);
  }

  settings(): Settings {
    return read<Settings>(this.device, SETTINGS) ?? {};
  }

  keepSettings(settings: Settings): void {
    write(this.device, SETTINGS, settings);
  }
}

function read<T>(shelf: Shelf, key: string): T | undefined {
  try {
    const text = shelf.getItem(key);
    return text === null ? undefined : (JSON.parse(text) as T);
  } catch {
    return undefined;
  }
}

/** @returns false in private mode or on a full phone: the conversation goes on, it only cannot be taken up after a reload */
function write(shelf: Shelf, key: string, value: unknown): boolean {
  try {
    shelf.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

const memories = new WeakSet<Shelf>();

function isMemory(shelf: Shelf): boolean {
  return memories.has(shelf);
}

/** A shelf for browsers that forbid storage altogether. */
export function memoryShelf(): Shelf {
  const kept = new Map<string, string>();
  const shelf: Shelf = {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
  memories.add(shelf);
  return shelf;
}

/** `pick()` may throw where cookies are forbidden; then memory serves. */
export function shelfOr(pick: () => Storage): Shelf {
  try {
    const storage = pick();
    // Some browsers refuse only when it is used.
    storage.getItem(SETTINGS);
    return storage;
  } catch {
    return memoryShelf();
  }
}
