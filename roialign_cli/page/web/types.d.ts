// The types of what the server sends and of what the modules share, for the type checker.
// docs/explore.md and docs/json.md explain the fields. No browser reads this file.

export type Pair<T = number> = [T, T];
export type Four = [number, number, number, number];
/** A value of the map, or computed of such values; null is not finite. */
export type Value = number | null;
type Rows = Value[][];
export type Place = { x: number; y: number };
export type Size = { width: number; height: number };
type Roi = Place & Size & { index: number };
type Scale = { x: number; y: number };
type Origin = "top-left" | "bottom-left";
type BoxFormat = "xyxy" | "xywh" | "cxcywh" | "yxyx";
type Pooling = "avg" | "max";
type PointsRule = "centred" | "dividers" | "corners" | "cells" | "integral";
type ChannelMap = "same" | "position-sensitive";
type ScaledBy = "image_size" | "stride" | "spatial_scale" | "normalized" | null;
type Side = "left" | "right" | "top" | "bottom";

export interface State {
  box: number[] | null;
  corners: number[] | null;
  preset: string;
  output_size: Pair;
  roi: number | null;
  batch_index: number;
  pooling: string | null;
  sampling_ratio: number | null;
  /** Along x; null for the same as along y. */
  sampling_ratio_x: number | null;
  channel: number | string;
  /** The second preset; null to compare with ROI Pool. */
  other: string | null;
  section: Pair | null;
  point: Pair | null;
  /** Where the point is moved by hand, in cells. */
  position: Pair | null;
  edits: Edit[];
}

/** The value of a cell that was edited: [map, channel, row, column, value]. */
export type Edit = [number, number, number, number, number];

/** How the drawing looks. */
export interface Look { step: number; pool: boolean; snap: boolean; photo: boolean; edit: boolean }

// The element with the id "session" -------------------------------------------------------------

export interface GivenBox {
  index: number;
  name: string;
  batch_index: number;
  box: Four;
  corners: Four;
}

export interface Preset {
  name: string;
  framework: string;
  summary: string;
  pooling: Pooling;
  channel_map: ChannelMap;
  /** Null if the preset has none. */
  sampling_ratio: number | null;
}

/** The rules that presets and conventions have in common. */
export type Rules = Pick<Preset, "channel_map">;

export interface Session {
  title: string;
  subject: string;
  feature_map: { maps: number; channels: number; height: number; width: number };
  frame: { origin: Origin; height: number };
  image: { width: number; height: number; stride: number; address: string; channels: string[] } | null;
  box: {
    format: BoxFormat;
    normalized: boolean;
    spatial_scale: Scale;
    zero: number;
  };
  boxes: GivenBox[];
  /** The level of a pyramid that the first box is pooled from; null for a single map. */
  level: number | null;
  channels: (number | string)[];
  saved: boolean;
  // A saved page has no controls for rules, which need these.
  presets: Preset[];
  /** What the page needs to edit cells; null if no cell can be edited. */
  editing: { file: string; dtype: string; min: number; max: number; cells: number } | null;
  limits: { sections: number; sampling_ratio: number; pictured_channels: number };
  state: State;
}

// The answers -----------------------------------------------------------------------------------

export interface Point {
  point: Pair;
  x: number;
  y: number;
  border: "inside" | "clamped" | "beyond" | "out";
  value: Value;
  contribution: Value;
  /** Of a point that is a cell of a certain weight. */
  weight?: number;
}

export interface Neighbour {
  x: number;
  y: number;
  row: number;
  column: number;
  value: Value;
  weight: number;
  /** A cell outside the map has the extrapolation value. */
  on_map: boolean;
}

export interface FullPoint extends Point {
  x1: number;
  x2: number;
  y1: number;
  y2: number;
  in_bounds: boolean;
  neighbours: [Neighbour, Neighbour, Neighbour, Neighbour];
}

export interface Section<P extends Point = Point> {
  section: Pair;
  x: number;
  y: number;
  points: P[];
  divisor: number;
  /** Only if each section reads a channel of its own. */
  channel?: number;
  winner: Pair | null;
  output: Value;
}

export interface RoiPool extends Record<Side, { position: number; rounded: number; moved: Value }> {
  x: number;
  y: number;
  width: number;
  height: number;
  bin_widths: number[];
  bin_heights: number[];
  gained: Record<Side, { cells: number; pixels: number | null }>;
  columns: (Pair | null)[];
  rows: (Pair | null)[];
  output: Rows;
}

export interface Convention {
  points: PointsRule;
  pooling: Pooling;
  sampling_ratio: number;
  channel_map: ChannelMap;
  edge_rounding: string;
  outside_neighbours: string;
  [rule: string]: string | number | boolean | null;
}

/** The trace of the second preset. */
export interface Other {
  preset: string;
  convention: Convention;
  roi: Roi;
  section_size: Size;
  sections: Section[];
  output: Rows;
  n_points: number;
  points_listed: number;
}

/** The level of the box in a pyramid. */
export interface Level {
  name: string;
  rule: Record<string, unknown>;
  /** The square root of the area of the box, in pixels. */
  size: number;
  level_number: Value;
  level: number;
  map_index: number;
  starts_at: number;
  /** Null for the last level. */
  ends_at: number | null;
  level_scales: number[];
  map: string;
  frame_height: number;
}

export interface Trace {
  version: number;
  preset: string;
  convention: Convention;
  frame: { origin: Origin };
  feature_map: { height: number; width: number; channels: number; channel: number | string };
  box: {
    format: BoxFormat;
    values: Four;
    spatial_scale: Scale;
    scaled_by: ScaledBy;
    image_size: Pair | null;
    corners: Four;
    on_map: Record<Side, number>;
  };
  roi: Roi;
  section_size: Size;
  sections: Section[];
  output: Rows;
  output_size: Pair;
  roi_pool: RoiPool;
  other: Other | null;
  difference: Rows;
  largest_difference: number;
  n_points: number;
  points_listed: number;
  /** `channel` is that of the map which the section reads. */
  chosen: { section: Pair; channel: number | string; point: FullPoint | null };
  /** The only section that can be chosen on a saved page with too many points. */
  only_section?: Pair;
  notes: { trap: string; rois: number[]; text: string }[];
  /** Only of a pyramid. */
  pyramid?: Level;
}

/** A part of a line: text, a fraction as [numerator, denominator], or text with a role. */
export type Part = string | Pair<string> | { role: string; text: string };
export type Line = Part[];

export interface SectionTexts { title: string; reduced: Line[] }

export interface PointTexts {
  title: string;
  note: string;
  coordinates: Line[];
  between: Line[];
  interpolated: Line[];
  weighted: Line[];
}

export interface PointAnswer {
  section: Section<FullPoint>;
  point: FullPoint | null;
  texts: { section: SectionTexts; point: PointTexts | null };
}

/** The chosen point at another position. */
export interface ValueAnswer {
  section: Pair;
  own: Place;
  point: FullPoint;
  texts: { point: PointTexts };
}

export interface MapAnswer {
  batch_index: number;
  channel: number | string;
  rows: number;
  columns: number;
  min: number | null;
  max: number | null;
  edits: { row: number; column: number; value: number; rounded: boolean }[];
  data: string;
}

/** Small pictures of channels; `data` has one byte for each cell. */
export interface ChannelsAnswer {
  batch_index: number;
  first: number;
  channels: number;
  rows: number;
  columns: number;
  data: string;
}

export interface CommandsAnswer { run: string; explain: string; plot: string; page: string; compare?: string; remark?: string }

export interface ErrorAnswer { error: { argument: string | null; message: string } }

// The data of a saved page ------------------------------------------------------------------------

/** One ROI and channel; sections and points have keys such as "1,2". */
export interface SavedEntry {
  trace: Trace;
  sections: Record<string, {
    channel: number | string;
    texts: SectionTexts;
    points: Record<string, { point: FullPoint; texts: PointTexts }>;
  }>;
  document: string;
}

export interface SavedAnswers { entries: SavedEntry[]; maps: MapAnswer[] }

// What the modules share ------------------------------------------------------------------------

export interface Store {
  state: State;
  look: Look;
  /** The box as [left, top, right, bottom] in box units, y down. */
  corners: number[] | null;
  trace: Trace | null;
  /** The trace before the last one, of the same rules. */
  previous: Trace | null;
  /** What changed the outputs since then. */
  cause: "move" | "edit";
  point: Pick<PointAnswer, "texts"> | null;
  /** The chosen point where it was moved by hand; null in its own place. */
  moved: ValueAnswer | null;
  map: (MapAnswer & { values: Float32Array }) | null;
}

export type Happening = "box" | "trace" | "point" | "moved" | "map" | "look" | "state" | "theme" | "view" | "size" | "level" | "click" | "cell";
/**
 * What is called when something happens: with a problem if the chosen point is not explained, with
 * a position on the map if a cell is clicked, with whether a sample point is clicked, and with the
 * scale along x and y of a map that is entered, as a multiple of the last one.
 */
export type Listener = (...given: any[]) => void;

/** The elements of page.html of which the modules use more than every HTML element has. */
export interface Elements {
  boxes: HTMLSelectElement;
  preset: HTMLSelectElement;
  with: HTMLSelectElement;
  pooling: HTMLSelectElement;
  rows: HTMLInputElement;
  columns: HTMLInputElement;
  ratio: HTMLInputElement;
  "ratio-x": HTMLInputElement;
  channel: HTMLSelectElement;
  batch: HTMLSelectElement;
  fit: HTMLButtonElement;
  around: HTMLButtonElement;
  farther: HTMLButtonElement;
  closer: HTMLButtonElement;
  "switch-pool": HTMLInputElement;
  "switch-snap": HTMLInputElement;
  "switch-photo": HTMLInputElement;
  cells: HTMLCanvasElement;
  marks: SVGSVGElement;
  lines: SVGGElement;
  weights: SVGGElement;
  names: SVGGElement;
  box: SVGGElement;
  hold: SVGRectElement;
  grab: SVGCircleElement;
  cell: SVGRectElement;
  edited: SVGPathElement;
  "moved-point": SVGPathElement;
  "put-back": HTMLButtonElement;
  "cell-value": HTMLInputElement;
  "switch-edit": HTMLInputElement;
  undo: HTMLButtonElement;
  array: HTMLButtonElement;
  "graph-other": SVGPathElement;
  "graph-align": SVGPathElement;
  differences: HTMLDetailsElement;
  back: HTMLButtonElement;
  next: HTMLButtonElement;
  play: HTMLButtonElement;
  "neighbour-table": HTMLTableElement;
  square: SVGSVGElement;
  copy: HTMLButtonElement;
  picture: HTMLButtonElement;
  page: HTMLButtonElement;
  commands: HTMLDialogElement;
  close: HTMLButtonElement;
}
export type ElementOf<Id extends string> = Id extends keyof Elements ? Elements[Id] : HTMLElement;

declare global {
  interface Window {
    /** What the page shows, for tests and scripts. */
    roialign: { isSettled: () => boolean; state: () => object };
  }
}
