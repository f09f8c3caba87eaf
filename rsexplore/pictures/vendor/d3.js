// What chart.js uses of D3.
export { axisBottom, axisLeft } from "d3-axis";
export { scaleLinear, scaleLog } from "d3-scale";
export { pointer, select } from "d3-selection";
export { curveLinear, curveStepBefore, line } from "d3-shape";
export { symbol, symbolCircle, symbolCross, symbolDiamond, symbolSquare, symbolTriangle } from "d3-shape";
