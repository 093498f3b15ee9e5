// The page: tabs, the connection to the server, and messages. A mode is a module with `mount(root, link, about)`, which
// fills `root` and may return a function that undoes what it did outside of `root`.
import { h } from "/page/kit.js";

const state = document.getElementById("state");
const work = document.getElementById("work");
const banner = document.getElementById("banner");
const main = document.getElementById("main");

function show(kind, words) {
  state.className = `state ${kind}`;
  state.textContent = words;
  work.classList.toggle("busy", kind === "busy");
}

function tell(words, note = false) {
  banner.hidden = !words;
  banner.className = note ? "banner note" : "banner";
  banner.replaceChildren(h("span", {}, words), h("button", { onclick: () => tell("") }, "Close"));
}

// One session: a websocket on which each message gets one reply, in order.
class Link {
  constructor(name) {
    this.name = name;
    this.number = 0;
    this.waiting = new Map();
    this.socket = null;
    this.listeners = [];
  }

  get busy() { return this.waiting.size > 0; }

  // Calls f(busy) whenever a message was sent or all were answered.
  onbusy(f) { this.listeners.push(f); }

  opened() {
    if (this.socket && this.socket.readyState <= WebSocket.OPEN) return this.ready;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/socket/${this.name}`);
    this.socket = socket;
    this.ended = "";
    socket.onmessage = (event) => { if (socket === this.socket) this.receive(JSON.parse(event.data)); };
    socket.onclose = () => { if (socket === this.socket) this.closed(); };
    this.ready = new Promise((resolve) => { socket.onopen = resolve; socket.onerror = resolve; });
    return this.ready;
  }

  receive(reply) {
    if (reply.ended) this.ended = reply.ended;
    if (reply.notice) tell(reply.notice, true);
    const waiting = this.waiting.get(reply.id);
    this.waiting.delete(reply.id);
    this.changed();
    if (reply.error) {
      tell(reply.error);
      waiting?.(null);
    } else waiting?.(reply);
  }

  closed() {
    this.socket = null;
    const words = this.ended || "The connection to the server was lost; is ./playpen play still running?";
    tell(words);
    show("ended", "session ended");
    const waiting = [...this.waiting.values()];
    this.waiting.clear();
    this.listeners.forEach((f) => f(false));
    waiting.forEach((resolve) => resolve(null));
  }

  changed() {
    if (this.socket) show(this.busy ? "busy" : "ready", this.busy ? "simulator works …" : "ready");
    this.listeners.forEach((f) => f(this.busy));
  }

  // Sends a message; resolves to the reply, or to null after an error, which the page shows.
  async send(message) {
    tell("");
    const id = ++this.number;
    await this.opened();
    if (!this.socket || this.socket.readyState !== WebSocket.OPEN) return null;
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      this.socket.send(JSON.stringify({ ...message, id }));
      this.changed();
    });
  }

  close() {
    const socket = this.socket;
    this.socket = null;
    this.waiting.clear();
    socket?.close();
  }
}

let leave = () => {};

async function enter(mode, tabs) {
  leave();
  leave = () => {};
  tell("");
  show("", "no session");
  tabs.forEach((tab, name) => tab.setAttribute("aria-selected", String(name === mode.name)));
  history.replaceState(null, "", `#${mode.name}`);
  const link = new Link(mode.name);
  main.replaceChildren();
  const module = await import(`/modes/${mode.name}/${mode.script}`);
  const undo = module.mount(main, link, mode.about);
  leave = () => { link.close(); undo?.(); };
}

async function start() {
  const answer = await fetch("/api/modes");
  if (!answer.ok) { tell(await answer.text()); return; }
  const modes = await answer.json();
  const tabs = new Map();
  for (const mode of modes) {
    const tab = h("button", { role: "tab", "data-mode": mode.name, onclick: () => enter(mode, tabs) }, mode.title);
    tabs.set(mode.name, tab);
    document.getElementById("tabs").append(tab);
  }
  const wanted = modes.find((mode) => `#${mode.name}` === location.hash) ?? modes[0];
  await enter(wanted, tabs);
}

start().catch((error) => tell(`The page could not start: ${error}`));
