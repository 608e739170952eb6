/** Desktop notifications: that somebody wants something, and never who or what. */
import type { Shelf } from "../core/keeper";
import type { DeskKey } from "../i18n/desk.zh";
import type { Desk } from "./desk.svelte";

export type Why = "waiting" | "offer" | "message";
const WORDS = { waiting: "noticeWaiting", offer: "noticeOffer", message: "noticeMessage" } as const satisfies Record<Why, DeskKey>;
const KEPT = "drilen.desk.notices";

export class Notices {
  /** `missing`: this browser has none, or gives none to a page without TLS. */
  permission: NotificationPermission | "missing" = $state("missing");
  private wanted = $state(false);

  constructor(
    private readonly desk: Desk,
    private readonly shelf: Shelf,
  ) {
    if (typeof Notification === "function" && window.isSecureContext) this.permission = Notification.permission;
    this.wanted = shelf.getItem(KEPT) !== "off";
  }

  get isOn(): boolean {
    return this.wanted && this.permission === "granted";
  }

  /** The agent has not been asked yet. */
  get mayAsk(): boolean {
    return this.wanted && this.permission === "default";
  }

  /** Asks the browser where that is still to be done: only ever after the agent's own click. */
  async set(on: boolean): Promise<void> {
    this.wanted = on;
    this.shelf.setItem(KEPT, on ? "on" : "off");
    if (on && this.permission === "default") this.permission = await Notification.requestPermission();
  }

  /** One of each kind at most: a newer one takes the place of the older. */
  show(why: Why, conversation?: string): void {
    if (!this.isOn || (document.visibilityState === "visible" && document.hasFocus())) return;
    try {
      const notice = new Notification(this.desk.text("title"), { body: this.desk.text(WORDS[why]), tag: `drilen-${why}`, lang: this.desk.language });
      notice.onclick = () => {
        window.focus();
        if (conversation !== undefined) this.desk.select(conversation);
        notice.close();
      };
    } catch {
      // Chrome on Android shows them from service workers only.
      this.permission = "missing";
    }
  }
}
