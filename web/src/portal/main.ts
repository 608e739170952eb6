import "../styles/base.css";
import "../styles/portal.css";
import { mount } from "svelte";
import Portal from "./Portal.svelte";
import { install } from "./install";
import { giveReplaceAll, lacksFlexGap } from "./old";

const target = document.getElementById("app");
if (target !== null) {
  giveReplaceAll();
  if (lacksFlexGap()) document.documentElement.classList.add("no-flex-gap");
  target.textContent = "";
  mount(Portal, { target });
  install();
}
