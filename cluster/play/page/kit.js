// Small tools that the page and its modes share.

// Makes an element: h("button", {class: "main", onclick: f}, "Start"). Attributes with the value true, false or null
// are set empty, or left out.
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "style") element.style.cssText = value; // the policy forbids the attribute
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

// Loads a data address; resolves to an image that can be drawn.
export async function loaded(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}

// A colour of the style sheet, such as "--mask", as [red, green, blue].
export function colour(name) {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  context.fillRect(0, 0, 1, 1);
  return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

// The numbers of a grey image, row by row, with its width and height.
export function values(image) {
  const context = new OffscreenCanvas(image.width, image.height).getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const data = context.getImageData(0, 0, image.width, image.height).data;
  const found = new Uint8Array(image.width * image.height);
  for (let at = 0; at < found.length; at++) found[at] = data[4 * at];
  return { found, width: image.width, height: image.height };
}

// Paints the cells of a grid for which colourOf(value) gives [red, green, blue, alpha 0..1].
export function paintCells(canvas, grid, colourOf) {
  const small = new OffscreenCanvas(grid.width, grid.height);
  const context = small.getContext("2d");
  const pixels = context.createImageData(grid.width, grid.height);
  for (let at = 0; at < grid.found.length; at++) {
    const colour = colourOf(grid.found[at]);
    if (colour) pixels.data.set([colour[0], colour[1], colour[2], 255 * colour[3]], 4 * at);
  }
  context.putImageData(pixels, 0, 0);
  const target = canvas.getContext("2d");
  target.imageSmoothingEnabled = false;
  target.drawImage(small, 0, 0, canvas.width, canvas.height);
  target.imageSmoothingEnabled = true;
}

// Draws the border around the cells for which inside(value) holds.
export function outlineCells(canvas, grid, inside, style, width = 3) {
  const { found, width: columns, height: rows } = grid;
  const cell = canvas.width / columns;
  const at = (row, column) => row >= 0 && row < rows && column >= 0 && column < columns && inside(found[row * columns + column]);
  const context = canvas.getContext("2d");
  context.beginPath();
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      if (!at(row, column)) continue;
      const [x, y] = [column * cell, row * cell];
      const line = (x0, y0, x1, y1) => { context.moveTo(x0, y0); context.lineTo(x1, y1); };
      if (!at(row - 1, column)) line(x, y, x + cell, y);
      if (!at(row + 1, column)) line(x, y + cell, x + cell, y + cell);
      if (!at(row, column - 1)) line(x, y, x, y + cell);
      if (!at(row, column + 1)) line(x + cell, y, x + cell, y + cell);
    }
  }
  context.strokeStyle = style;
  context.lineWidth = width;
  context.lineCap = "round";
  context.stroke();
}

// A row of radio buttons that look like one control; calls chosen(value) and has the attribute "value".
export function choice(name, options, first, chosen = () => {}) {
  const group = h("div", { class: "choice", role: "radiogroup", "aria-label": name });
  for (const [value, label] of options) {
    const input = h("input", { type: "radio", name, value, onchange: () => { group.value = value; chosen(value); } });
    input.checked = value === first;
    group.append(h("label", {}, input, label));
  }
  group.value = first;
  group.choose = (value) => {
    const input = [...group.querySelectorAll("input")].find((one) => one.value === String(value));
    if (input && !input.disabled && !input.checked) { input.checked = true; input.dispatchEvent(new Event("change")); }
  };
  return group;
}

export function checkbox(label, checked, changed, swatch = null) {
  const input = h("input", { type: "checkbox", onchange: () => changed(input.checked) });
  input.checked = checked;
  const mark = swatch && h("span", { class: "swatch", style: `background: var(${swatch})` });
  const element = h("label", {}, input, mark, label);
  element.input = input;
  return element;
}

// The pixel of a picture of this size that a click on its canvas names: [row, column].
export function clicked(event, size) {
  const box = event.currentTarget.getBoundingClientRect();
  const part = (at, from, length) => Math.min(size - 1, Math.max(0, Math.floor(((at - from) / length) * size)));
  return [part(event.clientY, box.top, box.height), part(event.clientX, box.left, box.width)];
}

// Whether a key belongs to a control that has the focus, such as a text field.
export function typing(event) {
  const where = event.target;
  return event.ctrlKey || event.metaKey || event.altKey || (where instanceof HTMLElement && where.matches("input:not([type=radio], [type=checkbox]), select, textarea"));
}
