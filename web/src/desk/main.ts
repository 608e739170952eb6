import "../styles/base.css";
import "../styles/desk.css";
import { mount } from "svelte";
import DeskPage from "./DeskPage.svelte";

const target = document.getElementById("app");
if (target !== null) {
  target.replaceChildren();
  mount(DeskPage, { target });
}
