import "../styles/base.css";
import "../styles/desk.css";
import "../styles/console.css";
import { mount } from "svelte";
import ConsolePage from "./ConsolePage.svelte";

const target = document.getElementById("app");
if (target !== null) {
  target.replaceChildren();
  mount(ConsolePage, { target });
}
