// A map from above in the frame of the game's first pose: x to its right, z ahead (up), in steps of 0.25 m.
import { colour, h } from "/page/kit.js";

export class RoomMap {
  constructor(id) {
    this.canvas = h("canvas", { id, width: 640, height: 480, "aria-label": "Map of where the agent has been, from above" });
    this.scale = 1; // pixels of a step
    this.origin = [0, 0]; // the place at the top left corner
  }

  // Draws a game:
  //   path    locations [x, z, rotation, standing] where the agent has been, in order
  //   agent   its present location, or null
  //   goal    place of the object, or null
  //   chosen  location that was clicked, or null
  //   floor   all places where the agent can walk, or null
  //   things  places of things, with whether they were opened: [[x, z], opened]
  draw({ path, agent = null, goal = null, chosen = null, floor = null, things = [] }) {
    const { canvas } = this;
    const context = canvas.getContext("2d");
    const [accent, text, mask, line, muted] = ["--accent", "--text", "--mask", "--line", "--muted"].map((name) => colour(name).join(" "));
    this.fit([...path, ...(goal ? [goal] : []), ...(chosen ? [chosen] : []), ...(floor ?? []), ...things.map(([place]) => place)]);
    const { scale, origin } = this;
    const at = ([x, z]) => [(x - origin[0]) * scale, (origin[1] - z) * scale];
    const square = (place, size) => {
      const [x, y] = at(place);
      context.fillRect(x - (size * scale) / 2, y - (size * scale) / 2, size * scale, size * scale);
    };

    context.clearRect(0, 0, canvas.width, canvas.height);
    if (floor) {
      context.fillStyle = `rgb(${line})`;
      floor.forEach((place) => square(place, 1.03)); // without seams
    } else this.lines(context, `rgb(${line})`);
    context.fillStyle = `rgb(${accent} / 24%)`;
    const visited = new Set(path.map(([x, z]) => `${x},${z}`));
    visited.forEach((place) => square(place.split(",").map(Number), 1));
    for (const [place, opened] of things) {
      context.fillStyle = context.strokeStyle = opened ? `rgb(${accent})` : `rgb(${muted})`;
      const [x, y] = at(place);
      context.lineWidth = 2;
      if (opened) square(place, 0.6);
      else context.strokeRect(x - 0.25 * scale, y - 0.25 * scale, 0.5 * scale, 0.5 * scale);
    }
    context.strokeStyle = `rgb(${accent})`;
    context.lineWidth = 3;
    context.lineJoin = "round";
    context.beginPath();
    path.forEach((location, index) => (index ? context.lineTo(...at(location)) : context.moveTo(...at(location))));
    context.stroke();
    if (path.length) {
      context.beginPath();
      context.arc(...at(path[0]), scale * 0.32, 0, 7);
      context.strokeStyle = `rgb(${text})`;
      context.stroke();
    }
    const arrow = (location, style) => {
      context.save();
      context.translate(...at(location));
      context.rotate((location[2] * Math.PI) / 180);
      context.scale(scale, scale);
      context.beginPath();
      context.moveTo(0, -0.75); context.lineTo(0.5, 0.5); context.lineTo(0, 0.25); context.lineTo(-0.5, 0.5);
      context.closePath();
      context.fillStyle = style;
      context.fill();
      context.restore();
    };
    if (goal) {
      context.save();
      context.translate(...at(goal));
      context.rotate(Math.PI / 4);
      context.fillStyle = `rgb(${mask})`;
      context.fillRect(-scale * 0.4, -scale * 0.4, scale * 0.8, scale * 0.8);
      context.restore();
    }
    if (agent) arrow(agent, `rgb(${text})`);
    if (chosen) arrow(chosen, `rgb(${mask})`);
  }

  // Chooses the scale so that all places and some steps around them are on the canvas.
  fit(places) {
    const { width, height } = this.canvas;
    const range = (values) => [Math.min(...values, 0) - 2, Math.max(...values, 0) + 2];
    const [left, right] = range(places.map(([x]) => x));
    const [bottom, top] = range(places.map(([, z]) => z));
    this.scale = Math.min(width / (Math.max(right - left, 16) + 1), height / (Math.max(top - bottom, 12) + 1));
    this.origin = [(left + right - width / this.scale) / 2, (bottom + top + height / this.scale) / 2];
  }

  // Lines 1 m apart.
  lines(context, style) {
    const { width, height } = this.canvas;
    const { scale, origin } = this;
    context.strokeStyle = style;
    context.lineWidth = 1;
    context.beginPath();
    for (let x = (Math.ceil(origin[0] / 4) * 4 - origin[0]) * scale; x < width; x += 4 * scale) { context.moveTo(x, 0); context.lineTo(x, height); }
    for (let y = (origin[1] - Math.floor(origin[1] / 4) * 4) * scale; y < height; y += 4 * scale) { context.moveTo(0, y); context.lineTo(width, y); }
    context.stroke();
  }

  // The place under the pointer.
  placeAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top].map((at) => (at * this.canvas.width) / box.width / this.scale);
    return [Math.round(this.origin[0] + x), Math.round(this.origin[1] - y)];
  }
}
