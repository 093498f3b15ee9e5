// Replays: the record of a game as a film strip, with a map from above.
import { h, loaded, typing } from "/page/kit.js";
import { RoomMap } from "./game_map.js";

const STAGES = { explore: "Exploration", hide: "Hiding", manipulate: "Moving the object", seek: "Seeking" };
const PLAY_MS = 180; // milliseconds for each step

// The rows of a game's score. `explored`: whether the game had a hider who explored.
export function scoreRows(score, explored) {
  const percent = (share) => (share === null ? "–" : `${(100 * share).toFixed(1)} %`);
  const rows = [
    ["winner", score.found ? "the seeker" : "the hider"],
    ["found", score.found ? `after ${score.seeker_steps} step${score.seeker_steps === 1 ? "" : "s"}` : `not within ${score.seeker_steps} steps`],
  ];
  if (explored) {
    rows.push(
      ["hidden by PlaceAt", score.placed ? "yes" : "no"],
      ["seen from", percent(score.visible_share)],
      ["exploration covered", percent(score.coverage)],
      ["objects opened", percent(score.open_share)]);
  }
  return rows.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]);
}

// The card with the list of records; a record that is chosen takes the place of what `root` shows.
export function replays(root, link) {
  const list = h("select", { id: "records", "aria-label": "records" });
  const show = h("button", { id: "show", onclick: open }, "Show");
  const none = h("span", { class: "small muted", hidden: true }, "No game has been recorded yet.");
  const card = h("details", { class: "card", id: "replays" }, h("summary", {}, "Replays"),
    h("div", { class: "body" }, none, h("div", { class: "row" }, h("div", { class: "grow" }, list), show)));
  card.addEventListener("toggle", () => { if (card.open) refresh(); });

  async function refresh() {
    const reply = await link.send({ do: "records" });
    const records = reply?.records ?? [];
    list.replaceChildren(...records.map((name) => h("option", { value: name }, name.replaceAll("_", " "))));
    none.hidden = records.length > 0;
    list.hidden = show.hidden = !records.length;
  }

  async function open() {
    const reply = await link.send({ do: "record", name: list.value });
    if (reply?.kind === "film") showFilm(root, reply);
  }

  return card;
}

function showFilm(root, film) {
  const kept = [...root.childNodes];
  let number = 0;
  let timer = null;
  const size = 672;
  const canvas = h("canvas", { width: size, height: size, "aria-label": "What the agent saw after the step" });
  const caption = h("div", { class: "row between small", style: "width: 100%", id: "film-step" });
  const slider = h("input", { type: "range", min: 0, max: Math.max(film.steps.length - 1, 0), value: 0, class: "grow", "aria-label": "step" });
  slider.addEventListener("input", () => go(Number(slider.value)));
  const playButton = h("button", { onclick: toggle }, "Play");
  const strip = h("div", { class: "strip", id: "strip" });
  const thumbs = film.steps.map((step, index) => {
    const picture = film.pictures[index];
    const image = picture ? h("img", { src: picture, alt: "", width: 84, height: 84, loading: "lazy" }) : h("span", { class: "gap" });
    return h("button", { class: `thumb ${step.stage}${step.event ? " event" : ""}`, title: step.action, onclick: () => go(index) }, image,
      h("span", {}, step.action.replace("Rotate", "Turn").replace("ContainedIn", "In")),
      h("span", { class: `number ${step.succeeded ? "good" : "bad"}` }, `${step.reward > 0 ? "+" : ""}${step.reward}`));
  });
  strip.append(...thumbs);
  const map = new RoomMap("film-map");
  const side = h("aside", { class: "side" },
    h("div", { class: "card" }, h("h2", {}, "Replay"),
      h("strong", {}, `${film.goal} in ${film.scene}`),
      h("dl", {}, h("dt", {}, "hider"), h("dd", {}, film.hider), h("dt", {}, "seeker"), h("dd", {}, film.seeker),
        ...(film.contained_in ? [h("dt", {}, "hidden in"), h("dd", {}, film.contained_in)] : []),
        ...scoreRows(film.result, "explore" in film.starts)),
      h("div", { class: "row" }, h("button", { class: "main", id: "back", onclick: close }, "Back to the game"))),
    h("div", { class: "card" }, h("h2", {}, "Map"), map.canvas,
      h("span", { class: "small muted" }, "Line: the way so far of who moves. Diamond: the object. Squares: what opens, filled once opened.")));
  root.replaceChildren(
    h("section", { class: "stage" }, h("div", { class: "frame short" }, canvas), caption,
      h("div", { class: "row", style: "width: 100%" }, playButton, slider), strip), side);
  document.addEventListener("keydown", onkey);
  window.scrollTo(0, 0);
  go(0);

  async function go(to) {
    number = Math.max(0, Math.min(film.steps.length - 1, to));
    const step = film.steps[number];
    if (!step) return;
    slider.value = number;
    thumbs.forEach((thumb, index) => thumb.classList.toggle("current", index === number));
    const thumb = thumbs[number];
    strip.scrollLeft = thumb.offsetLeft - strip.clientWidth / 2 + thumb.clientWidth / 2;
    caption.replaceChildren(
      h("span", {}, `${STAGES[step.stage]}, step ${number + 1} of ${film.steps.length}: `, h("strong", {}, step.action)),
      h("span", { class: step.succeeded ? "good" : "bad" }, `${step.succeeded ? "done" : "failed"} ${step.reward > 0 ? "+" : ""}${step.reward}`));
    const seeking = step.stage === "seek";
    const mine = film.steps.slice(0, number + 1).filter((one) => (one.stage === "seek") === seeking);
    const start = film.starts[seeking ? "seek" : "explore"] ?? film.starts.hide;
    const opened = new Set(film.steps.slice(0, number + 1).flatMap((one) => one.opened));
    map.draw({
      path: [...(start ? [start] : []), ...mine.map((one) => one.location)], agent: step.location, goal: film.hidden_at, floor: film.places,
      things: Object.entries(film.openable).map(([name, place]) => [place, opened.has(name)]),
    });
    const shown = number;
    for (let at = number; at >= 0; at--) {
      if (!film.pictures[at]) continue;
      const image = await loaded(film.pictures[at]);
      if (shown === number) canvas.getContext("2d").drawImage(image, 0, 0, size, size);
      break;
    }
  }

  function toggle() {
    clearInterval(timer);
    timer = timer ? null : setInterval(() => (number + 1 < film.steps.length ? go(number + 1) : toggle()), PLAY_MS);
    playButton.textContent = timer ? "Pause" : "Play";
  }

  function onkey(event) {
    if (!root.contains(canvas)) { stop(); return; }
    if (typing(event) || !["ArrowLeft", "ArrowRight", " "].includes(event.key)) return;
    if (event.target === slider || event.target.tagName === "BUTTON") return;
    event.preventDefault();
    if (event.key === " ") toggle();
    else go(number + (event.key === "ArrowRight" ? 1 : -1));
  }

  function stop() {
    clearInterval(timer);
    document.removeEventListener("keydown", onkey);
  }

  function close() {
    stop();
    root.replaceChildren(...kept);
  }
}
