import "../styles/base.css";
import "../styles/portal.css";
import { mount } from "svelte";
import Portal from "./Portal.svelte";

const target = document.getElementById("app");
if (target !== null) {
  target.replaceChildren();
  mount(Portal, { target });
}
