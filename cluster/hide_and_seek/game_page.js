// The tab on which people play hide and seek; game_page.py answers its messages.
import { choice, clicked, colour, h, loaded, typing } from "/page/kit.js";
import { RoomMap } from "./game_map.js";
import { replays, scoreRows } from "./game_replay.js";

const CANVAS = 896; // pixels: four for each of the picture's
const PHASES = {
  explore: "Exploration", perspective: "Choice of a location", hide: "Hiding", manipulate: "Moving the object",
  hidden: "The object is hidden", seek: "Seeking", over: "The game is over",
};
const ADVICE = {
  explore: "Walk through the room and open things. Click an object to open it.",
  perspective: "Click a place on the map, choose where to look, and hide the object from there.",
  hide: "Choose how the object shall lie, and click where it shall be placed. Then tell the seeker that you are ready.",
  manipulate: "Move the object in your hand to the marked cell and drop it.",
  hidden: "",
  seek: "Find the object, go close to it, and claim that it is visible.",
  over: "",
};
// Label and key of each action that has no cell.
const ACTIONS = {
  MoveAhead: ["Ahead", "w"], MoveLeft: ["Step left", "a"], MoveRight: ["Step right", "d"],
  RotateLeft: ["Turn left", "q"], RotateRight: ["Turn right", "e"], Stand: ["Stand", "c"], Crouch: ["Crouch", "c"],
  CloseObjects: ["Close what is open", "x"],
  MoveHandAhead: ["Away", "w"], MoveHandBack: ["Closer", "s"], MoveHandLeft: ["Left", "a"], MoveHandRight: ["Right", "d"],
  MoveHandUp: ["Up", "e"], MoveHandDown: ["Down", "q"],
  "RotateHand-X": ["Tilt away", "W"], "RotateHand+X": ["Tilt closer", "S"], "RotateHand-Y": ["Turn left", "A"],
  "RotateHand+Y": ["Turn right", "D"], "RotateHand-Z": ["Roll left", "Q"], "RotateHand+Z": ["Roll right", "E"],
  DropObject: ["Drop", "Enter"], ReadyForSeeker: ["Ready for the seeker", "Enter"], ClaimVisible: ["I see it!", "Enter"],
};
const ARROWS = { ArrowUp: ["w", "w"], ArrowDown: ["s", "s"], ArrowLeft: ["q", "a"], ArrowRight: ["e", "d"] };
const MAIN = ["DropObject", "ReadyForSeeker", "ClaimVisible"];
const MODALITY_WORDS = { OnTop: "in the open", ContainedIn: "inside", Behind: "behind" };

export function mount(root, link, about) {
  let game = null; // the last state
  let picture = null;
  let tool = "OpenAt";
  let grid = false;
  let hover = null; // cell under the pointer
  let chosen = null; // place on the map
  let playing = false; // whether the program's player goes on by itself

  const canvas = h("canvas", { width: CANVAS, height: CANVAS, "aria-label": "What the agent sees" });
  const empty = h("div", { class: "empty" }, "Choose who hides and who seeks, and start a game.");
  const caption = h("div", { class: "row between small muted", style: "width: 100%" });
  const field = (label, control, style = null) => h("label", { class: "field grow", style }, label, control);
  const select = (id, options) => h("select", { id }, options.map(([value, words]) => h("option", { value }, words)));
  const named = (players) => players.map((name) => [name, name === about.human ? "you" : name.replaceAll("_", " ")]);
  const hider = select("hider", [...named(about.hiders), ["place", "at a hiding place …"]]);
  const seeker = select("seeker", named(about.seekers));
  if (about.hiders.length > 1) hider.value = about.hiders[1];
  const scene = h("select", { id: "scene" }, Object.entries(about.scenes).map(([kind, rooms]) =>
    h("optgroup", { label: kind }, rooms.map((room) => h("option", { value: room }, room)))));
  const goal = select("goal", about.goals.map((name) => [name, name]));
  const seed = h("input", { type: "number", id: "seed", min: 0, max: 999999, value: 1 });
  const place = h("select", { id: "place" });
  const room = h("div", { class: "row" }, field("room", scene), field("object", goal), field("seed", seed, "max-width: 5.5rem"));
  const places = h("div", { class: "row", hidden: true }, field("hiding place", place));
  const startButton = h("button", { class: "main", id: "start", onclick: start }, "Start");
  const now = h("div", { id: "now" });
  const actions = h("div", { id: "actions" });
  const actionCard = h("div", { class: "card", hidden: true }, h("h2", {}, "Actions"), actions);
  const modality = choice("modality", about.modalities.map((name) => [name, MODALITY_WORDS[name] ?? name]), about.modalities[0]);
  const map = new RoomMap("map");
  const mapFacts = h("div", { class: "small muted" });
  const chooser = h("div", { id: "chooser", hidden: true });
  const way = choice("look", [["0", "↑"], ["90", "→"], ["180", "↓"], ["270", "←"]], "0", () => drawMap());
  const hideHere = h("button", { class: "main", id: "choose", onclick: choose }, "Hide from here");
  chooser.append(h("div", { class: "small muted" }, "where to look"), way, hideHere);
  chooser.style.cssText = "display: grid; gap: .5rem";
  const mapCard = h("div", { class: "card", hidden: true }, h("h2", {}, "Map"), map.canvas, mapFacts, chooser);
  const result = h("dl", { id: "result" });
  const resultCard = h("div", { class: "card", hidden: true }, h("h2", {}, "Result"), result);

  const setup = h("details", { class: "card", open: true, id: "setup" }, h("summary", {}, "Game"), h("div", { class: "body" },
    h("div", { class: "row" }, field("hider", hider), field("seeker", seeker)), room, places, h("div", { class: "row" }, startButton)));

  root.append(
    h("section", { class: "stage" }, h("div", { class: "frame" }, canvas, empty), caption),
    h("aside", { class: "side" },
      setup,
      h("div", { class: "card" }, h("h2", {}, "Now"), now), resultCard, actionCard, mapCard, replays(root, link)));

  hider.addEventListener("change", chooseHider);
  canvas.addEventListener("click", (event) => press(...cellOf(event)));
  canvas.addEventListener("mousemove", (event) => point(cellOf(event)));
  canvas.addEventListener("mouseleave", () => point(null));
  map.canvas.addEventListener("click", pickPlace);
  link.onbusy(update);
  document.addEventListener("keydown", onkey);
  showState();

  // Whether a person is to move.
  function mine() { return Boolean(game) && game.turn === null && !["hidden", "over"].includes(game.phase); }

  function legal(name) { return mine() && game.legal.includes(name); }

  async function chooseHider() {
    const from = hider.value === "place";
    room.hidden = from;
    places.hidden = !from;
    if (!from) return;
    const reply = await link.send({ do: "places" });
    place.replaceChildren(...(reply?.places ?? []).map((one, index) => h("option", { value: index },
      [one.goal, one.scene, one.difficulty, `by ${one.source}`].filter(Boolean).join(", "))));
    update();
  }

  async function start() {
    playing = false;
    empty.hidden = false;
    empty.textContent = "The simulator starts and the room is prepared …";
    game = picture = null;
    canvas.getContext("2d").clearRect(0, 0, CANVAS, CANVAS);
    showState();
    const players = { seeker: seeker.value };
    const message = hider.value === "place"
      ? { ...players, place: Number(place.value) }
      : { ...players, hider: hider.value, scene: scene.value, goal: goal.value, seed: Number(seed.value) };
    const reply = await link.send({ do: "start", ...message });
    setup.open = !reply;
    if (reply) await take(reply);
    else empty.textContent = "Choose who hides and who seeks, and start a game.";
    if (game?.turn) play();
  }

  async function ask(message) {
    if (link.busy) return;
    const reply = await link.send(message);
    if (reply) await take(reply);
    return reply;
  }

  function act(action) { return ask({ do: "act", action }); }

  async function take(reply) {
    if (reply.kind !== "game") return;
    if (reply.phase !== game?.phase) {
      tool = reply.phase === "hide" ? "PlaceAt" : "OpenAt";
      chosen = null;
    }
    game = reply;
    picture = reply.image ? await loaded(reply.image) : null;
    showState();
    if (game.phase === "hidden" && game.turn === null && playing) playing = false;
  }

  async function play(moves = null) {
    playing = true;
    showState();
    while (playing && game?.turn) {
      const reply = await link.send({ do: "go", moves: moves ?? (picture ? 1 : 25) });
      if (!reply) { playing = false; break; }
      await take(reply);
    }
    playing = false;
    showState();
  }

  function choose() {
    if (!chosen || game?.phase !== "perspective" || !mine()) return;
    return ask({ do: "choose", x: chosen[0], z: chosen[1], rotation: Number(way.value) });
  }

  async function save() {
    const reply = await link.send({ do: "save" });
    if (reply?.kind === "saved") {
      game.can_save = false;
      showState();
      caption.replaceChildren(h("span", {}, `Hiding place ${reply.places} of ${reply.path}`));
    }
  }

  // --- Keys and clicks

  function cellOf(event) {
    const size = about.size / about.grid;
    return clicked(event, about.size).map((pixel) => Math.floor(pixel / size));
  }

  function press(row, column) {
    if (link.busy || !legal(tool)) return;
    const cell = `${row + 1},${column + 1}`;
    act(tool === "OpenAt" ? `OpenAt(${cell})` : `PlaceAt(${modality.value},${cell})`);
  }

  function point(cell) {
    if (String(cell) === String(hover)) return;
    hover = cell;
    draw();
  }

  function onkey(event) {
    if (typing(event) || !game || link.busy || !root.contains(canvas)) return;
    let key = event.key;
    if (key === "g") { grid = !grid; showState(); return; }
    if (!mine()) return;
    if (key in ARROWS) key = ARROWS[key][game.phase === "manipulate" ? 1 : 0];
    else if (key.length === 1 && !event.shiftKey) key = key.toLowerCase();
    if (event.shiftKey && key.length === 1) key = key.toUpperCase();
    if (game.phase === "perspective") {
      if (key === "Enter" && document.activeElement?.tagName !== "BUTTON") choose();
      return;
    }
    if (key === "Enter" && document.activeElement?.tagName === "BUTTON") return; // the button's own
    if (key === "o" && legal("OpenAt")) { tool = "OpenAt"; showState(); return; }
    if (key === "p" && legal("PlaceAt")) { tool = "PlaceAt"; showState(); return; }
    if (/^[123]$/.test(key) && legal("PlaceAt")) { modality.choose(about.modalities[Number(key) - 1]); return; }
    const name = Object.keys(ACTIONS).find((one) => ACTIONS[one][1] === key && legal(one) && possible(one));
    if (name) {
      event.preventDefault();
      act(name);
    }
  }

  // Standing up is only offered to who crouches, and the other way round; both are legal.
  function possible(name) {
    const standing = game.location?.[3];
    return name === "Stand" ? !standing : name === "Crouch" ? standing : true;
  }

  // --- What is shown

  function showState() {
    empty.hidden = Boolean(picture);
    actionCard.hidden = !mine() || game.phase === "perspective";
    mapCard.hidden = !game?.map;
    resultCard.hidden = game?.phase !== "over";
    chooser.hidden = !(mine() && game.phase === "perspective");
    showNow();
    if (!actionCard.hidden) showActions();
    if (!resultCard.hidden) showResult();
    draw();
    drawMap();
    update();
  }

  function showNow() {
    if (!game) { now.replaceChildren(h("span", { class: "muted" }, "No game is being played.")); return; }
    const person = game.phase !== "over" && game.phase !== "hidden" && game.turn === null;
    const who = game.turn ? `the player ${game.turn.replaceAll("_", " ")}` : "you";
    if (!picture) {
      empty.textContent = game.phase === "hidden"
        ? `The ${game.goal} is hidden. Go and find it!`
        : `The hider is busy: ${PHASES[game.phase].toLowerCase()}, step ${game.step}. Do not look!`;
    }
    const last = game.last;
    const facts = h("dl", {}, h("dt", {}, "object"), h("dd", { id: "goal-name" }, game.goal));
    if (game.turn) facts.append(h("dt", {}, "turn"), h("dd", {}, who));
    if (game.steps_left !== null && !["hidden", "over"].includes(game.phase)) {
      facts.append(h("dt", {}, "steps left"), h("dd", { id: "left" }, String(game.steps_left)));
    }
    if (picture) facts.append(h("dt", {}, "reward so far"), h("dd", { id: "reward" }, game.reward.toFixed(3)));
    if (game.target) {
      const [kind, row, column] = game.target;
      facts.append(h("dt", {}, "target"), h("dd", {}, `${MODALITY_WORDS[kind]}, row ${row + 1}, column ${column + 1}`));
    }
    if (game.place) {
      const share = game.place.visible_share;
      if (share !== null) facts.append(h("dt", {}, "seen from"), h("dd", {}, `${(100 * share).toFixed(1)} % of all locations`));
      if (game.place.contained_in) facts.append(h("dt", {}, "lies in"), h("dd", {}, game.place.contained_in));
    }
    const buttons = h("div", { class: "row" });
    if (game.phase === "hidden") {
      buttons.append(h("button", { class: "main", id: "seek", onclick: async () => { await ask({ do: "seek" }); if (game?.turn) play(); } },
        game.seeker === about.human ? "Seek" : "Let the seeker seek"));
    }
    if (game.turn && picture) {
      buttons.append(playing
        ? h("button", { id: "pause", onclick: () => { playing = false; } }, "Pause")
        : h("button", { class: "main", id: "go", onclick: () => play() }, "Go on"),
      h("button", { id: "fast", onclick: () => { if (!playing) play(25); } }, "Fast"));
    }
    if (person && game.phase === "explore") {
      buttons.append(h("button", { id: "explored", onclick: () => ask({ do: "explored" }) }, "I have seen enough"));
    }
    if (game.can_save) buttons.append(h("button", { id: "save", onclick: save }, "Save the hiding place"));
    now.replaceChildren(
      h("div", { class: "row between" }, h("strong", { id: "phase" }, PHASES[game.phase]), person || game.turn ? verdictOf(last) : null),
      h("p", { class: "small muted", style: "margin: .3rem 0 .5rem", id: "advice" }, adviceOf(person)), facts, buttons);
    buttons.style.marginTop = ".6rem";
    buttons.hidden = !buttons.children.length;
    caption.replaceChildren(h("span", {}, `${game.goal} in ${game.scene}`),
      h("span", {}, last ? `${last.action}: ${last.succeeded ? "done" : "failed"}${last.words ? `, ${last.words}` : ""}` : ""));
  }

  function adviceOf(person) {
    if (game.phase === "hidden" && game.place && !game.place.placed) {
      return "No PlaceAt succeeded, so the object was dropped where it was held.";
    }
    return person ? ADVICE[game.phase] : "";
  }

  function verdictOf(last) {
    if (!last) return null;
    const reward = last.reward === null ? "" : ` ${last.reward > 0 ? "+" : ""}${last.reward}`;
    return h("span", { id: "last", class: `verdict ${last.succeeded ? "good" : "bad"}` },
      `${last.succeeded ? "done" : "failed"}${reward}`);
  }

  function showActions() {
    const button = (name) => {
      const [label, key] = ACTIONS[name];
      const words = /^[A-Z]$/.test(key) ? `Shift ${key}` : key.length === 1 ? key.toUpperCase() : key;
      return h("button", { "data-action": name, class: MAIN.includes(name) ? "main small" : "small", onclick: () => act(name) },
        `${label} `, h("kbd", {}, words));
    };
    const shown = game.legal.filter((name) => name in ACTIONS && possible(name));
    const turning = shown.filter((name) => name.startsWith("RotateHand"));
    const rows = [h("div", { class: "row" }, shown.filter((name) => !turning.includes(name)).map(button))];
    if (turning.length) rows.push(h("div", { class: "row" }, turning.map(button)));
    const gridButton = h("button", { class: "small", style: "margin-left: auto", "aria-pressed": String(grid),
      onclick: () => { grid = !grid; showState(); } }, "Grid ", h("kbd", {}, "G"));
    const tools = ["OpenAt", "PlaceAt"].filter(legal);
    if (tools.length) {
      const words = { OpenAt: "Open", PlaceAt: "Place" };
      rows.push(h("div", { class: "row" }, h("span", { class: "muted small" }, "a click:"), tools.map((name) =>
        h("button", { class: "small", "data-tool": name, "aria-pressed": String(tool === name), onclick: () => { tool = name; showState(); } },
          `${words[name]} `, h("kbd", {}, words[name][0]))), gridButton));
    } else rows.push(h("div", { class: "row" }, gridButton));
    if (legal("PlaceAt")) rows.push(modality);
    actions.replaceChildren(...rows);
    actions.style.cssText = "display: grid; gap: .6rem";
  }

  function showResult() {
    const explored = game.hider === about.human || about.hiders.includes(game.hider);
    result.replaceChildren(...scoreRows(game.result, explored));
  }

  function update() {
    startButton.disabled = link.busy || playing || (hider.value === "place" && !place.options.length);
    for (const button of [...actions.querySelectorAll("button[data-action]"), hideHere]) button.disabled = link.busy;
    hideHere.disabled = link.busy || !chosen;
    canvas.classList.toggle("live", Boolean(game) && !link.busy && legal(tool));
  }

  function draw() {
    const context = canvas.getContext("2d");
    if (!picture) { context.clearRect(0, 0, CANVAS, CANVAS); return; }
    context.imageSmoothingQuality = "high";
    context.drawImage(picture, 0, 0, CANVAS, CANVAS);
    const cell = CANVAS / about.grid;
    if (grid) {
      context.strokeStyle = "rgb(255 255 255 / 55%)";
      context.lineWidth = 1.5;
      context.beginPath();
      for (let at = 1; at < about.grid; at++) {
        context.moveTo(at * cell, 0); context.lineTo(at * cell, CANVAS);
        context.moveTo(0, at * cell); context.lineTo(CANVAS, at * cell);
      }
      context.stroke();
    }
    const frame = (row, column, style, width) => {
      context.strokeStyle = style;
      context.lineWidth = width;
      context.strokeRect(column * cell + width / 2, row * cell + width / 2, cell - width, cell - width);
    };
    if (hover && legal(tool) && !link.busy) frame(...hover, "rgb(255 255 255 / 90%)", 3);
    if (game.target) frame(game.target[1], game.target[2], `rgb(${colour("--mask")})`, 6);
  }

  function drawMap() {
    if (!game?.map) return;
    map.draw({ path: game.map.path, agent: game.location, goal: game.map.goal, chosen: chosen && [...chosen, Number(way.value)] });
    map.canvas.classList.toggle("live", !chooser.hidden);
    mapFacts.textContent = `opened ${game.map.opened} of ${game.map.openable}; lines are 1 m apart; up is where the agent looked at first`;
  }

  function pickPlace(event) {
    if (chooser.hidden) return;
    chosen = map.placeAt(event);
    drawMap();
    update();
  }

  return () => { playing = false; document.removeEventListener("keydown", onkey); };
}
