// A graph that can be moved: drag, arrows; wheel while it has the focus, pinch, plus and minus. Its nodes can be picked
// by a click, or by Enter the one in the middle.
import { Picture, colours, radius, shape } from "./graph_picture.js";

// Of a frame, while it moves and while it rests.
const MOVING_MS = 6;
const RESTING_MS = 14;
const QUIET_MS = 120;
const MARGIN = 0.4;
const MOST_SCALE = 120;
const STEP_PX = 70;
// Places come as whole hundredths of the distance that two neighbours have.
const HUNDREDTHS = 100;

export class Graph {
  // `data`: columns name, kind, x, y (hundredths) of nodes and near, far, gap, count of links; found, way. `picked(node)`: -1 for none.
  constructor(canvas, data, picked) {
    Object.assign(this, { canvas, picked, picture: null, next: null, before: null, zoomedAt: 0, movedAt: 0, waits: false });
    this.context = canvas.getContext("2d", { alpha: false });
    this.pointers = new Map();
    this.resize();
    this.show(data);
    this.listen();
  }

  // Other data, seen from where all of it is seen.
  show(data) {
    const [x, y] = [data.x, data.y].map((places) => Float64Array.from(places, (each) => each / HUNDREDTHS));
    Object.assign(this, { data: { ...data, x, y, order: order(data) }, node: -1, scale: 0 });
    this.forget();
    this.fit();
  }

  // Everything, or the way that was asked for, in the middle.
  fit() {
    const { x, y, way, near, far } = this.data;
    const nodes = way && way.length ? way.flatMap((link) => [near[link], far[link]]) : x.keys();
    let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
    for (const node of nodes) {
      left = Math.min(left, x[node]); right = Math.max(right, x[node]);
      top = Math.min(top, y[node]); bottom = Math.max(bottom, y[node]);
    }
    if (left > right) [left, right, top, bottom] = [-1, 1, -1, 1];
    const scale = 0.9 * Math.min(this.width / (right - left + 2), this.height / (bottom - top + 2));
    this.least = 0.2 * Math.min(scale, this.width / 40);
    this.look((left + right) / 2, (top + bottom) / 2, Math.min(scale, 40 * this.ratio));
  }

  look(x, y, scale) {
    this.movedAt = performance.now();
    if (scale !== this.scale) this.zoomedAt = this.movedAt;
    Object.assign(this, { x, y, scale: Math.min(MOST_SCALE * this.ratio, Math.max(this.least, scale)) });
    this.renew();
  }

  pan(dx, dy) { this.look(this.x - dx / this.scale, this.y - dy / this.scale, this.scale); }

  // About a place in pixels, which stays where it is; without one, about the middle.
  zoom(factor, px = this.width / 2, py = this.height / 2) {
    const scale = Math.min(MOST_SCALE * this.ratio, Math.max(this.least, this.scale * factor));
    const by = 1 / this.scale - 1 / scale;
    this.look(this.x + (px - this.width / 2) * by, this.y + (py - this.height / 2) * by, scale);
  }

  resize() {
    this.ratio = Math.min(2, window.devicePixelRatio || 1);
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight]
      .map((each) => Math.max(1, Math.round(each * this.ratio)));
    if (width === this.width && height === this.height) return;
    Object.assign(this, { width, height });
    Object.assign(this.canvas, { width, height });
    this.forget();
  }

  // Paint anew: other data, other colours, another size.
  forget() {
    this.colours = colours();
    this.stale = true;
    this.next = null;
    this.renew();
  }

  renew() {
    if (this.waits) return;
    this.waits = true;
    requestAnimationFrame(() => {
      this.waits = false;
      if (this.scale) this.paint();
    });
  }

  paint() {
    this.prepare();
    // Not the one from before: another may be ready.
    const { context, picture } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = this.colours.ground;
    context.fillRect(0, 0, this.width, this.height);
    if (picture) this.copy(picture);
    this.marks();
    if (this.next || picture?.scale !== this.scale) this.renew();
  }

  // Only the part of the picture that is in sight is copied.
  copy(picture) {
    const by = picture.scale / this.scale;
    const w = this.width * by, h = this.height * by;
    const left = (this.x - picture.x) * picture.scale + picture.width / 2 - w / 2;
    const top = (this.y - picture.y) * picture.scale + picture.height / 2 - h / 2;
    this.context.imageSmoothingEnabled = by !== 1 && !this.next;
    if (by === 1) this.context.drawImage(picture.canvas, -Math.round(left), -Math.round(top));
    else this.context.drawImage(picture.canvas, left, top, w, h, 0, 0, this.width, this.height);
  }

  prepare() {
    const { picture } = this;
    const now = performance.now();
    const isStill = now - this.zoomedAt > QUIET_MS;
    const apart = picture ? picture.scale / this.scale : 0;
    const isDue = this.stale || !picture || (picture.scale !== this.scale && (isStill || apart > 2 || apart < 0.5))
      || (picture.scale === this.scale && this.isNearEdge(picture));
    if (isDue && !(this.next && this.next.scale === this.scale && !this.isOutside(this.next))) {
      this.next = new Picture(this.data, this, this.next ? this.next.canvas : this.spare());
    }
    if (this.next && this.next.goOn(now - this.movedAt > QUIET_MS ? RESTING_MS : MOVING_MS)) {
      Object.assign(this, { picture: this.next, before: picture && picture.canvas, next: null, stale: false });
    }
  }

  // Two canvases take turns: a new one costs a frame.
  spare() {
    const canvas = this.before || document.createElement("canvas");
    const [width, height] = [this.width, this.height].map((each) => Math.round(each * (1 + 2 * MARGIN)));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    this.before = null;
    return canvas;
  }

  isNearEdge(picture) { return this.reach(picture) > MARGIN / 2; }

  isOutside(picture) { return this.reach(picture) > MARGIN; }

  // How far the sight is from the middle of a picture, in widths or heights of the sight.
  reach(picture) {
    return Math.max(Math.abs(this.x - picture.x) * this.scale / this.width,
      Math.abs(this.y - picture.y) * this.scale / this.height);
  }

  px(node) { return (this.data.x[node] - this.x) * this.scale + this.width / 2; }

  py(node) { return (this.data.y[node] - this.y) * this.scale + this.height / 2; }

  // What is meant by the question, over the picture.
  marks() {
    const { context, data } = this;
    const r = radius(this.scale);
    context.strokeStyle = this.colours.way;
    context.lineWidth = 4 * this.ratio;
    context.beginPath();
    for (const link of data.way || []) {
      context.moveTo(this.px(data.near[link]), this.py(data.near[link]));
      context.lineTo(this.px(data.far[link]), this.py(data.far[link]));
    }
    context.stroke();
    context.fillStyle = this.colours.ink;
    context.beginPath();
    for (const link of data.way || []) {
      for (const node of [data.near[link], data.far[link]]) {
        shape(context, data.kind[node], this.px(node), this.py(node), Math.max(r, 4 * this.ratio));
      }
    }
    context.fill();
    context.lineWidth = 2 * this.ratio;
    context.beginPath();
    for (const node of data.found.slice(0, 2000)) this.ring(node, r + 3 * this.ratio);
    context.stroke();
    if (this.node < 0) return;
    context.strokeStyle = this.colours.ink;
    context.beginPath();
    this.ring(this.node, r + 6 * this.ratio);
    context.stroke();
    context.fillStyle = this.colours.ink;
    context.beginPath();
    shape(context, data.kind[this.node], this.px(this.node), this.py(this.node), r);
    context.fill();
  }

  ring(node, r) {
    const x = this.px(node), y = this.py(node);
    this.context.moveTo(x + r, y);
    this.context.arc(x, y, r, 0, 7);
  }

  // The node nearest to a place in pixels, if one is as near as that; -1 for none.
  at(px, py, within = 14 * this.ratio) {
    let [best, least] = [-1, within ** 2];
    for (let node = 0; node < this.data.x.length; node += 1) {
      const apart = (this.px(node) - px) ** 2 + (this.py(node) - py) ** 2;
      if (apart < least) [best, least] = [node, apart];
    }
    return best;
  }

  pick(node) {
    this.node = node;
    this.picked(node);
    this.renew();
  }

  listen() {
    const { canvas } = this;
    const place = (event) => [event.offsetX * this.ratio, event.offsetY * this.ratio];
    canvas.addEventListener("wheel", (event) => {
      // A page that is scrolled past does not get caught here.
      if (!event.ctrlKey && document.activeElement !== canvas) return;
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), ...place(event));
    }, { passive: false });
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, place(event));
      this.moved = 0;
    });
    canvas.addEventListener("pointermove", (event) => this.drag(event.pointerId, place(event)));
    canvas.addEventListener("pointerup", (event) => {
      if (this.pointers.size === 1 && this.moved < 5) this.pick(this.at(...place(event)));
      this.pointers.delete(event.pointerId);
    });
    canvas.addEventListener("pointercancel", (event) => this.pointers.delete(event.pointerId));
    canvas.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.resize()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.forget());
  }

  drag(id, to) {
    const from = this.pointers.get(id);
    if (!from) return;
    const other = [...this.pointers].find(([each]) => each !== id);
    this.pointers.set(id, to);
    this.moved += Math.hypot(to[0] - from[0], to[1] - from[1]);
    if (!other) {
      this.pan(to[0] - from[0], to[1] - from[1]);
      return;
    }
    const apart = (point) => Math.hypot(point[0] - other[1][0], point[1] - other[1][1]);
    const middle = [(to[0] + other[1][0]) / 2, (to[1] + other[1][1]) / 2];
    if (apart(from) > 0) this.zoom(apart(to) / apart(from), ...middle);
    this.pan((to[0] - from[0]) / 2, (to[1] - from[1]) / 2);
  }

  key(event) {
    const moves = { ArrowLeft: [STEP_PX, 0], ArrowRight: [-STEP_PX, 0], ArrowUp: [0, STEP_PX], ArrowDown: [0, -STEP_PX] };
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (moves[event.key]) this.pan(...moves[event.key].map((each) => each * this.ratio));
    else if (event.key === "+" || event.key === "=") this.zoom(1.4);
    else if (event.key === "-") this.zoom(1 / 1.4);
    else if (event.key === "0") this.fit();
    else if (event.key === "Enter") this.pick(this.at(this.width / 2, this.height / 2, Infinity));
    else return;
    event.preventDefault();
  }
}

// Nodes by how much hangs on them: links, and workers before all.
function order(data) {
  const weight = new Float64Array(data.x.length);
  for (let link = 0; link < data.near.length; link += 1) {
    weight[data.near[link]] += 1;
    weight[data.far[link]] += 1;
  }
  for (let node = 0; node < weight.length; node += 1) if (data.kind[node] === 0) weight[node] += 1e9;
  return [...weight.keys()].sort((one, other) => weight[other] - weight[one]).slice(0, 4000);
}
