// What is drawn over the points: rings, the line of a recording, names of clusters, the lasso.

import { fit } from "./points.js";
import { placeOf } from "./nearby.js";

const RING_PX = { hovered: 8, pinned: 10, playing: 5 };
const STAR_PX = 11;
const LIFT_PX = 16;

export class Overlay {
  /** Rows joined by a line, in order. */
  path = [];
  /** Corners of the line that is being drawn around rows. */
  lasso = [];
  /** Names on the map: {text, at: number[]}. */
  names = [];
  /** Sounds from outside the set, placed on the map: number[][]. */
  guests = [];

  constructor(canvas) {
    this.canvas = canvas;
  }

  /** @param {object} map as of nearby.js */
  draw(map, state) {
    const ratio = window.devicePixelRatio || 1;
    fit(this.canvas, ratio);
    const pen = this.canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, this.canvas.clientWidth, this.canvas.clientHeight);
    const style = getComputedStyle(this.canvas);
    this.ink = {
      accent: style.getPropertyValue("--st-primary-color").trim(),
      ground: style.getPropertyValue("--st-background-color").trim(),
      text: style.getPropertyValue("--st-text-color").trim(),
      font: style.getPropertyValue("--st-font").trim() || style.fontFamily,
    };
    this.line(pen, this.path.map((row) => placeOf(row, map)));
    this.words(pen, map);
    for (const guest of this.guests) this.star(pen, placeOf(0, { ...map, coordinates: guest }));
    for (const which of ["hovered", "pinned", "playing"]) {
      if (state[which] !== null) this.ring(pen, placeOf(state[which], map), which);
    }
    this.outline(pen);
  }

  line(pen, places) {
    const seen = places.filter(Boolean);
    if (seen.length < 2) return;
    pen.beginPath();
    for (const { x, y } of seen) pen.lineTo(x, y);
    pen.strokeStyle = this.ink.accent;
    pen.lineWidth = 1.5;
    pen.globalAlpha = 0.75;
    pen.lineJoin = "round";
    pen.stroke();
    pen.globalAlpha = 1;
  }

  ring(pen, place, which) {
    if (!place) return;
    pen.beginPath();
    pen.arc(place.x, place.y, RING_PX[which], 0, 2 * Math.PI);
    if (which === "playing") {
      pen.fillStyle = this.ink.accent;
      pen.fill();
      return;
    }
    pen.strokeStyle = this.ink.ground;
    pen.lineWidth = 5;
    pen.stroke();
    pen.strokeStyle = which === "pinned" ? this.ink.accent : this.ink.text;
    pen.lineWidth = which === "pinned" ? 3 : 2;
    pen.stroke();
  }

  star(pen, place) {
    if (!place) return;
    pen.beginPath();
    for (let i = 0; i < 10; i++) {
      const far = i % 2 ? STAR_PX * 0.45 : STAR_PX;
      const angle = (Math.PI * i) / 5 - Math.PI / 2;
      pen.lineTo(place.x + far * Math.cos(angle), place.y + far * Math.sin(angle));
    }
    pen.closePath();
    pen.lineWidth = 4;
    pen.strokeStyle = this.ink.ground;
    pen.stroke();
    pen.fillStyle = this.ink.accent;
    pen.fill();
  }

  /** Write the names; one that would cover another is left out. */
  words(pen, map) {
    pen.font = `600 13px ${this.ink.font}`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.lineJoin = "round";
    const taken = [];
    for (const { text, at } of this.names) {
      const place = placeOf(0, { ...map, coordinates: at });
      if (!place) continue;
      // Above its points, which it would hide.
      place.y -= LIFT_PX;
      const half = pen.measureText(text).width / 2 + 4;
      const box = [place.x - half, place.x + half, place.y - 10, place.y + 10];
      if (taken.some((other) => overlap(box, other))) continue;
      taken.push(box);
      pen.lineWidth = 4;
      pen.strokeStyle = this.ink.ground;
      pen.strokeText(text, place.x, place.y);
      pen.fillStyle = this.ink.text;
      pen.fillText(text, place.x, place.y);
    }
  }

  outline(pen) {
    if (this.lasso.length < 2) return;
    pen.beginPath();
    for (const { x, y } of this.lasso) pen.lineTo(x, y);
    pen.closePath();
    pen.globalAlpha = 0.12;
    pen.fillStyle = this.ink.accent;
    pen.fill();
    pen.globalAlpha = 1;
    pen.strokeStyle = this.ink.accent;
    pen.lineWidth = 1.5;
    pen.setLineDash([5, 4]);
    pen.stroke();
    pen.setLineDash([]);
  }
}

function overlap(one, other) {
  return one[0] < other[1] && one[1] > other[0] && one[2] < other[3] && one[3] > other[2];
}
