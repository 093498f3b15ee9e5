// The tab on which a person touches objects; touch_page.py answers its messages.
import { checkbox, choice, clicked, colour, h, loaded, outlineCells, paintCells, typing, values } from "/page/kit.js";

const CANVAS = 900; // pixels: three for each of the picture's
const MASS_COLOURS = { light: [64, 196, 99], medium: [255, 176, 32], heavy: [229, 72, 77] };

export function mount(root, link, about) {
  let view = null; // the last reply with a picture
  let picture = null;
  let grids = {}; // reach, mask, truth and labels, as numbers
  let before = null;
  let touch = null;
  let instances = [];
  const shown = { mask: true, truth: false, reach: true, prediction: about.predicts };

  const canvas = h("canvas", { width: CANVAS, height: CANVAS, "aria-label": "What the agent sees. Click to touch." });
  const empty = h("div", { class: "empty" }, "Choose a room and enter it. Then click an object to touch it.");
  const caption = h("div", { class: "row between small muted", style: "width: 100%" });
  const scene = h("select", { id: "scene" }, Object.entries(about.scenes).map(([kind, names]) =>
    h("optgroup", { label: kind }, names.map((name) => h("option", { value: name }, `${kind} ${name}`)))));
  scene.value = "FloorPlan3";
  const seed = h("input", { type: "number", id: "seed", min: 0, max: 999999, value: 1 });
  const enter = h("button", { class: "main", id: "enter", onclick: start }, "Enter");
  const previous = h("button", { id: "previous", "aria-label": "Previous view", onclick: () => go(-1) }, "‹ View");
  const next = h("button", { id: "next", "aria-label": "Next view", onclick: () => go(1) }, "View ›");
  const again = h("button", { id: "again", onclick: () => go(0) }, "Put everything back");
  const force = choice("force", about.forces.map((newtons, index) =>
    [String(index), `${about.force_names[index]} (${newtons})`]), String(about.forces.length - 1));
  const direction = h("select", { id: "direction" }, h("option", { value: -1 }, "any direction"),
    about.directions.map(([x, y, z], index) => h("option", { value: index },
      `${x < 0 ? "left" : "right"}, ${z < 0 ? "towards me" : "away"}, ${y > 1 ? "strongly up" : "up"}`)));
  const verdict = h("div", { id: "verdict" }, h("span", { class: "muted" }, "Nothing was touched yet."));
  const small = ["before", "after"].map((name) => h("canvas", { width: 300, height: 300, "aria-label": name }));
  const pair = h("div", { class: "pair", hidden: true },
    h("figure", {}, small[0], h("figcaption", {}, "before, with the mask")),
    h("figure", {}, small[1], h("figcaption", {}, "after")));
  const log = h("ol", { class: "log", id: "touches", "aria-label": "Touches so far" });
  const predicted = h("div", { class: "small muted", id: "predicted" });

  root.append(
    h("section", { class: "stage" }, h("div", { class: "frame" }, canvas, empty), caption),
    h("aside", { class: "side" },
      h("div", { class: "card" }, h("h2", {}, "Room"),
        h("div", { class: "row" }, h("label", { class: "field grow" }, "scene", scene),
          h("label", { class: "field", style: "width: 5.5rem" }, "seed", seed)),
        h("div", { class: "row" }, enter, previous, next, again)),
      h("div", { class: "card" }, h("h2", {}, "Touch"), force,
        h("label", { class: "field" }, "direction of the push", direction)),
      h("div", { class: "card" }, h("h2", {}, "Last touch"), verdict, pair),
      h("div", { class: "card" }, h("h2", {}, "Shown in the picture"),
        checkbox("mask that self-supervision found", shown.mask, set("mask"), "--mask"),
        checkbox("true mask of the touched object", shown.truth, set("truth"), "--truth"),
        checkbox("what is out of reach is darker", shown.reach, set("reach")),
        about.predicts
          ? checkbox("the model's prediction", shown.prediction, (on) => { shown.prediction = on; predict(); })
          : h("span", { class: "small muted" }, "Start with checkpoint=RUN to see a model's prediction."),
        predicted),
      h("div", { class: "card" }, h("h2", {}, "Touches"), log)));

  canvas.addEventListener("click", (event) => press(...clicked(event, about.size)));
  link.onbusy(update);
  document.addEventListener("keydown", onkey);
  update();

  function set(name) { return (on) => { shown[name] = on; draw(); }; }

  function update() {
    enter.disabled = link.busy;
    for (const button of [previous, next, again]) button.disabled = link.busy || !view;
    canvas.classList.toggle("live", Boolean(view) && !link.busy);
  }

  function onkey(event) {
    if (typing(event) || !view || link.busy) return;
    if (event.key === "n") go(1);
    else if (event.key === "p") go(-1);
    else if (event.key === "r") go(0);
    else if (/^[1-9]$/.test(event.key)) force.choose(Number(event.key) - 1);
    else return;
    event.preventDefault();
  }

  async function start() {
    empty.textContent = "The simulator starts and looks around the room …";
    await enterView({ do: "start", scene: scene.value, seed: Number(seed.value) });
    if (!view) empty.textContent = "Choose a room and enter it. Then click an object to touch it.";
  }

  function go(step) {
    return enterView({ do: "view", number: (view.number + step + view.views) % view.views });
  }

  async function enterView(message) {
    const reply = await link.send(message);
    if (reply) await arrive(reply);
  }

  // Shows a new view: as asked for, or where the server began again after the simulator died.
  async function arrive(reply) {
    view = reply;
    touch = null;
    grids = {};
    before = null;
    pair.hidden = true;
    log.replaceChildren();
    verdict.replaceChildren(h("span", { class: "muted" }, "Nothing was touched yet."));
    await take(reply);
  }

  async function press(row, column) {
    if (!view || link.busy) return;
    const reply = await link.send({ do: "touch", row, column, force: Number(force.value), direction: Number(direction.value) });
    if (!reply) return;
    if (reply.kind !== "touch") return arrive(reply);
    touch = reply;
    grids = {};
    before = null;
    if (reply.reached) {
      before = await loaded(reply.before);
      grids.mask = values(await loaded(reply.mask));
      if (reply.truth) grids.truth = values(await loaded(reply.truth));
    }
    judge(reply);
    await take(reply);
  }

  async function take(reply) {
    picture = await loaded(reply.image);
    grids.reach = values(await loaded(reply.reach));
    delete grids.labels;
    empty.hidden = true;
    const things = reply.things.length ? reply.things.join(", ") : "nothing that moves";
    caption.replaceChildren(h("span", {}, `${view.scene}, view ${view.number + 1} of ${view.views}`),
      h("span", {}, `in reach: ${things}`));
    update();
    draw();
    await predict();
  }

  async function predict() {
    predicted.replaceChildren();
    if (shown.prediction && view && !grids.labels) {
      const reply = await link.send({ do: "predict" });
      if (reply?.kind === "prediction") {
        instances = reply.instances;
        grids.labels = values(await loaded(reply.labels));
      }
    }
    if (shown.prediction && grids.labels) {
      const masses = about.knows_mass
        ? Object.keys(MASS_COLOURS).map((name) => [`${instances.filter((one) => one.mass === name).length} ${name}`, name])
        : [];
      predicted.append(h("div", { class: "row" }, `${instances.length} instances`, masses.map(([words, name]) => h("label", {},
        h("span", { class: "swatch", style: `background: rgb(${MASS_COLOURS[name]})` }), words))));
    }
    draw();
  }

  function judge(reply) {
    const what = reply.object
      ? `${reply.object.type}, ${reply.object.mass} kg (${reply.object.class})`
      : reply.reached ? "nothing that moves" : "out of reach";
    const words = !reply.reached ? "out of reach" : reply.success ? "success" : "no success";
    verdict.replaceChildren(
      h("div", { class: "row between" },
        h("span", { class: `verdict ${reply.success ? "good" : "bad"}` }, words), h("span", {}, what)),
      reply.reached ? h("div", { class: "small muted number" }, `mask of ${reply.cells} cells` +
        (reply.iou === null || reply.iou === undefined ? "" : `; IoU with the true mask ${reply.iou.toFixed(2)}`)) : "");
    pair.hidden = !reply.reached;
    log.prepend(h("li", {}, h("span", {}, `${reply.object?.type ?? "–"}, ${about.force_names[reply.force]}`),
      h("span", { class: reply.success ? "good" : "bad" }, words)));
  }

  function overlay(target, parts) {
    const mask = colour("--mask");
    const context = target.getContext("2d");
    if (parts.reach && grids.reach) paintCells(target, grids.reach, (value) => (value ? null : [10, 12, 18, 0.42]));
    if (parts.prediction && grids.labels) {
      const kinds = instances.map((one) => (about.knows_mass ? MASS_COLOURS[one.mass] : MASS_COLOURS.light));
      paintCells(target, grids.labels, (value) => (value ? [...kinds[value - 1], 0.3] : null));
      instances.forEach((one, index) => outlineCells(target, grids.labels, (value) => value === index + 1, `rgb(${kinds[index]})`, 3));
    }
    if (parts.mask && grids.mask) {
      paintCells(target, grids.mask, (value) => (value ? [...mask, 0.4] : null));
      outlineCells(target, grids.mask, (value) => value > 0, `rgb(${mask})`, target.width / 300);
    }
    if (parts.truth && grids.truth) outlineCells(target, grids.truth, (value) => value > 0, `rgb(${colour("--truth")})`, target.width / 200);
    if (parts.mark && touch) {
      const cell = target.width / about.grid;
      const [x, y, radius] = [(touch.column + 0.5) * cell, (touch.row + 0.5) * cell, target.width / 60];
      for (const [style, width] of [["#000", 5], ["#fff", 2.5]]) {
        context.beginPath();
        context.arc(x, y, radius, 0, 7);
        context.strokeStyle = style;
        context.lineWidth = (width * target.width) / 900;
        context.stroke();
      }
    }
  }

  function draw() {
    if (!picture) return;
    canvas.getContext("2d").drawImage(picture, 0, 0, CANVAS, CANVAS);
    overlay(canvas, { ...shown, mark: true });
    if (before) {
      small[0].getContext("2d").drawImage(before, 0, 0);
      overlay(small[0], { mask: true, truth: shown.truth, mark: true });
      small[1].getContext("2d").drawImage(picture, 0, 0);
    }
  }

  return () => document.removeEventListener("keydown", onkey);
}
