// A picture of a part of a graph, painted bit by bit so that no frame waits for it. Moving about moves the picture: only
// where one leaves it, or comes nearer, another is painted.
const SLICE = 80;
const MANY = 2000;
const FEW_PX = 2.5;
const MOST_LABELS = 70;
const DASHED_FROM = 5;
const WORKER = 0;
const TARGET = 2;

export function colours() {
  const style = getComputedStyle(document.documentElement);
  const get = (name) => style.getPropertyValue(name).trim();
  return { ground: get("--panel"), ink: get("--ink"), line: get("--muted"), router: get("--link"),
    target: get("--good"), worker: get("--bad"), way: get("--fair") };
}

export function radius(scale) {
  return Math.min(7, Math.max(1.1, scale * 0.28));
}

// One node's shape, so that kinds differ without colour: workers triangles, routers discs, targets squares.
export function shape(context, kind, x, y, r) {
  if (kind === WORKER) {
    context.moveTo(x, y - 1.8 * r);
    context.lineTo(x + 1.6 * r, y + r);
    context.lineTo(x - 1.6 * r, y + r);
    context.closePath();
  } else if (kind === TARGET || r < FEW_PX) {
    context.rect(x - r, y - r, 2 * r, 2 * r);
  } else {
    context.moveTo(x + r, y);
    context.arc(x, y, r, 0, 7);
  }
}

export class Picture {
  // `at`: {x, y} in units of the graph in its middle, `scale` pixels a unit; `canvas`: its pixels, painted over.
  constructor(data, at, canvas) {
    const { width, height } = canvas;
    Object.assign(this, { data, x: at.x, y: at.y, scale: at.scale, canvas, width, height });
    this.context = this.canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    this.colours = colours();
    this.work = this.painting();
  }

  // Goes on for some milliseconds; says whether it is done.
  goOn(budget_ms) {
    const until = performance.now() + budget_ms;
    do {
      const { done } = this.work.next();
      // A browser puts painting off until somebody looks, and then does all at once.
      this.context.getImageData(0, 0, 1, 1);
      if (done) return true;
    } while (performance.now() < until);
    return false;
  }

  px(node) { return (this.data.x[node] - this.x) * this.scale + this.width / 2; }

  py(node) { return (this.data.y[node] - this.y) * this.scale + this.height / 2; }

  holds(x, y) { return x >= 0 && y >= 0 && x <= this.width && y <= this.height; }

  * painting() {
    this.context.fillStyle = this.colours.ground;
    this.context.fillRect(0, 0, this.width, this.height);
    yield;
    yield* this.links(0);
    yield* this.links(1);
    for (const kind of [1, TARGET, WORKER]) yield* this.nodes(kind);
    yield* this.labels();
  }

  // Links between neighbours, or those over silent hops: dashed where dashes can be seen, else fainter.
  * links(silent) {
    const { near, far, gap } = this.data;
    const { context, width, height } = this;
    // Of many links those that only pass by would be most of the picture, and most of the work.
    const isLarge = near.length > MANY;
    let inPath = 0;
    context.strokeStyle = this.colours.line;
    // Lines of one pixel are drawn each by itself; thicker ones as one outline, which takes twenty times as long.
    context.lineWidth = this.scale < DASHED_FROM ? 0.7 : 1;
    // Far away so many lie on each other that they would hide the nodes.
    context.globalAlpha = Math.min(0.8, Math.max(0.12, this.scale / 15)) * (silent ? 0.7 : 1);
    context.setLineDash(silent && this.scale >= DASHED_FROM ? [5, 4] : []);
    context.beginPath();
    for (let link = 0; link < near.length; link += 1) {
      if ((gap[link] > 0) !== Boolean(silent)) continue;
      const ax = this.px(near[link]), ay = this.py(near[link]), bx = this.px(far[link]), by = this.py(far[link]);
      if (Math.max(ax, bx) < 0 || Math.max(ay, by) < 0 || Math.min(ax, bx) > width || Math.min(ay, by) > height) continue;
      if (isLarge && !this.holds(ax, ay) && !this.holds(bx, by)) continue;
      context.moveTo(ax, ay);
      context.lineTo(bx, by);
      inPath += 1;
      if (inPath % SLICE === 0) {
        context.stroke();
        yield;
        context.beginPath();
      }
    }
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = 1;
  }

  * nodes(kind) {
    const { context, width, height, data } = this;
    const r = radius(this.scale) * (kind === WORKER ? 1.6 : 1);
    let inPath = 0;
    context.fillStyle = this.colours[["worker", "router", "target"][kind]];
    context.beginPath();
    for (let node = 0; node < data.x.length; node += 1) {
      if (data.kind[node] !== kind) continue;
      const x = this.px(node), y = this.py(node);
      if (x < -20 || y < -20 || x > width + 20 || y > height + 20) continue;
      shape(context, kind, x, y, r);
      inPath += 1;
      if (inPath % SLICE === 0) {
        context.fill();
        yield;
        context.beginPath();
      }
    }
    context.fill();
  }

  // Names of what most hangs on, as far as they do not lie on each other.
  * labels() {
    const { context, data, width, height } = this;
    const taken = new Set();
    const r = radius(this.scale);
    context.font = "12px system-ui, sans-serif";
    context.textBaseline = "middle";
    let count = 0;
    for (const node of data.order) {
      const x = this.px(node), y = this.py(node);
      if (x < 0 || y < 0 || x > width || y > height) continue;
      const cells = [0, 1, 2].map((step) => `${Math.floor(x / 60) + step},${Math.floor(y / 16)}`);
      if (cells.some((cell) => taken.has(cell))) continue;
      cells.forEach((cell) => taken.add(cell));
      const name = data.name[node].length > 40 ? `${data.name[node].slice(0, 39)}…` : data.name[node];
      context.lineWidth = 3;
      context.strokeStyle = this.colours.ground;
      context.strokeText(name, x + r + 4, y);
      context.fillStyle = this.colours.ink;
      context.fillText(name, x + r + 4, y);
      count += 1;
      if (count >= MOST_LABELS || (this.scale < DASHED_FROM && count >= 12)) return;
      if (count % 8 === 0) yield;
    }
  }
}
