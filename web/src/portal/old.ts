/** What browsers at the floor lack: Chrome and WebView 80, the Safari of iOS 14. */

/** `String.prototype.replaceAll` (Chrome 85), which Svelte itself calls before anything is shown. */
export function giveReplaceAll(): void {
  const { prototype } = String as { prototype: { replaceAll?: unknown } };
  prototype.replaceAll ??= function (this: string, what: string | RegExp, by: string): string {
    return typeof what === "string" ? this.replace(new RegExp(what.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "g"), by) : this.replace(what, by);
  };
}

/** Whether `gap` means nothing in a flex container here (Chrome before 84, Safari before 14.1); build/floor.ts has margins for it. */
export function lacksFlexGap(): boolean {
  const probe = document.createElement("div");
  probe.style.display = "flex";
  probe.style.flexDirection = "column";
  probe.style.rowGap = "1px";
  probe.append(document.createElement("div"), document.createElement("div"));
  document.body.append(probe);
  const lacks = probe.scrollHeight !== 1;
  probe.remove();
  return lacks;
}
