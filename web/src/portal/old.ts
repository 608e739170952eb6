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
